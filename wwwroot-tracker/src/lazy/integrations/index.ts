import { dress } from "./links";
import { listen } from "./messages";

// Forms and calendars of others, and the customer's other domains: what they tell this page, and what they are told.
listen();
dress();
