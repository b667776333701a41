-- wrk script: POST /api/v1/collect with BATCH events a request, every event with a fresh id. Requests are glued from prepared parts, so
-- that making them costs the load generator next to nothing. With PEOPLE=1 each is of another person: hashes do not pack, equal events do.
local batch = tonumber(os.getenv("BATCH") or "1")
local key = os.getenv("API_KEY")
local run = os.getenv("RUN") or "0"
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local first = '{"event_id":"'
local last = '","event_type":"page_view","timestamp":"' .. os.date("!%Y-%m-%dT%H:%M:%SZ") .. '","session_id":"s-8f14e45fceea",'
  .. '"visitor_id":"v-c9f0f895fb98ab91","properties":{"url":"https://shop.example.com/shoes/red?utm_source=facebook&utm_medium=paid'
  .. '&utm_campaign=spring","title":"Red shoes","referrer":"https://www.example.com/","screen":"1920x1080","language":"en-GB"},'
  .. '"click_ids":{"fbclid":{"value":"IwAR0abcDEFghiJKLmnoPQRstuVWXyz0123456789","first_seen":"2026-11-20T10:00:00Z"}},'
  .. '"cookies":{"fbp":"fb.1.1763000000000.1234567890"}}'
local isPerson = os.getenv("PEOPLE") == "1"
local person = ',"user":{"email":"p%08d%02d%016d@example.com","external_id":"%016d"}}'
local counter = 0
local head

function init(args)
  local one = #first + #last + 28 + (isPerson and #person:format(0, 0, 0, 0) - 1 or 0)
  local length = #'{"events":[' + batch * one + (batch - 1) + #']}'
  head = "POST /api/v1/collect HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " .. key .. "\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
    .. "\r\nContent-Type: application/json\r\nContent-Length: " .. length .. "\r\n\r\n" .. '{"events":['
end

local pause = tonumber(os.getenv("DELAY") or "0")
if pause > 0 then
  function delay() return pause end
end

function request()
  local parts = {}
  for i = 1, batch do
    counter = counter + 1
    parts[i] = first .. string.format("%08s-%02d-%016d", run, id, counter) .. (isPerson and last:sub(1, -2) .. person:format(run, id, counter, counter) or last)
  end
  return head .. table.concat(parts, ",") .. "]}"
end


function done(summary, latency)
  io.write(string.format("RESULT requests=%d seconds=%.3f non2xx=%d errors=%d p50us=%d p99us=%d\n", summary.requests, summary.duration / 1e6,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
