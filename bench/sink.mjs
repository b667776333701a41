// Stands in the platform's place: reads each call to its end, counts the events in it and takes them all, in Meta's words.
//   node bench/sink.mjs PORT   GET / answers {"calls":…,"events":…}
import { createServer } from "node:http";

const mark = Buffer.from('"event_id"');
let calls = 0, events = 0;

createServer((request, response) => {
  if (request.method === "GET")
    return response.end(JSON.stringify({ calls, events }));
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    let taken = 0;
    for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length))
      taken++;
    calls++;
    events += taken;
    response.setHeader("content-type", "application/json");
    response.end(`{"events_received":${taken},"messages":[],"fbtrace_id":"A${calls}"}`);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
