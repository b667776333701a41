/** Forms: what happens to them, and who the visitor says to be in one. Loaded by auto.js when there is a form. Read next: identify.ts. */
import { core, type Fields } from "../../core";
import { elements } from "../elements";
import { identifyFrom, identifyFromAddress } from "./identify";

const { data, guard, seen, track } = core();
const { attribute, hear, isPrivate, pathOf, redact, textOf, watch } = elements();

/** Each form and each field is noted once per view. */
let noted = new WeakSet<Element>();
const isFirst = (element: Element): boolean => !noted.has(element) && !!noted.add(element);

const nameOf = (field: Element): string => attribute(field, "name") || attribute(field, "id");

const isField = (element: any): boolean => /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName) && !/^(hidden|submit|button|image|reset)$/.test(element.type);

// a field may hide form.elements; it cannot hide this
const fieldsOf = (form: any): Element[] => [...form];

/** The form, by the names of Google Analytics; where it sends to without the query. Of a private one, or of a private field, the path alone. */
const about = (form: HTMLFormElement, element: Element, more: Fields): Fields => {
  const element_path = pathOf(element);
  if (isPrivate(element)) return { element_path, interaction: more.interaction };
  const to = new URL(form.getAttribute("action") || "", location.href);
  return {
    element_path,
    form_id: attribute(form, "id") || undefined,
    form_name: attribute(form, "name") || undefined,
    form_destination: redact(to.origin + to.pathname).slice(0, 500),
    ...more,
  };
};

/** Names of the fields, never what is in them. */
const submitted = (form: HTMLFormElement, { submitter }: SubmitEvent): void => {
  const fields = fieldsOf(form).filter((element) => isField(element) && !isPrivate(element));
  track(
    "form_submit",
    about(form, form, { form_fields: [...new Set(fields.map(nameOf))].slice(0, 50), form_submit_text: submitter ? textOf(submitter) : undefined })
  );
};

/** A site search that a script answers in place: no address ever says it. */
const searched = (form: HTMLFormElement, event: Event): void => {
  const field = form.querySelector<HTMLInputElement>("[type=search]") || (form.matches("[role=search]") && form.querySelector("input"));
  if (!field || !/^(text|search)$/.test(field.type) || isPrivate(field)) return;
  const search_string = redact(field.value.trim()).slice(0, 100);
  const isNew = (): unknown => seen.filter((known) => known.event_type === "search").pop()?.properties.search_string !== search_string;
  // by then the address would have told
  setTimeout(guard(() => event.defaultPrevented && search_string && isNew() && track("search", { search_string })), 1000);
};

/** The first focus of a form and the first leaving of each of its fields. */
const interacted = (interaction: "focus" | "blur") => (field: any): void => {
  const form = isField(field) && field.form;
  if (!form || !isFirst(interaction === "focus" ? form : field)) return;
  const value = /^(checkbox|radio)$/.test(field.type) ? field.checked : field.value;
  track(
    "form_interaction",
    about(form, field, { interaction, field_name: nameOf(field), field_type: field.type, filled: interaction === "blur" ? !!value : undefined })
  );
};

const identifies = data.autoIdentify !== "false";

// first: the events that follow say who it was
if (identifies)
  watch({
    submit: (form) => identifyFrom(fieldsOf(form)),
    change: (field) => {
      if (/@/.test(field.value)) identifyFrom(field.form ? fieldsOf(field.form) : [field]);
    },
    // to find shadow roots
    focusin: () => {},
  });

// then no view is recorded
if ("onlyIdentify" in data) identifies && guard(identifyFromAddress)();
else {
  const focus = interacted("focus");
  const submit = (form: HTMLFormElement, event: SubmitEvent): void => {
    // HubSpot tells of its own forms when they have been sent: integrations.js hears it
    if (data.integrations == "false" || !form.classList.contains("hs-form")) submitted(form, event);
    searched(form, event);
  };
  watch({ submit, focusin: focus, focusout: interacted("blur") });
  // this file is late when the first focus is what loads it
  guard(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    if (active) focus(active);
  })();
}

hear(({ event_type }) => {
  if (event_type !== "page_view") return;
  noted = new WeakSet();
  if (identifies) identifyFromAddress();
});
