# Part of bench/run: fills the queue of one connection through the real intake, lets it go and watches.
wanted=${2:-200000}
sinkport=$((port + 1)); node bench/sink.mjs $sinkport & sink=$!

# CPU seconds a process has used so far, with the PostgreSQL's many processes together
ticks=$(getconf CLK_TCK)
cpu_of() { awk -v t="$ticks" '{ sub(/.*\) /, ""); s += $12 + $13 + $14 + $15 } END { printf "%.2f", s / t }' "$@" 2>/dev/null; }
postgres_files() { local main; main=$(head -1 "$data"/pg18/postmaster.pid); for p in $main $(pgrep -P "$main"); do echo "/proc/$p/stat"; done; }
cpus() { echo "$(cpu_of /proc/$app/stat) $(cpu_of $(postgres_files)) $(cpu_of /proc/$sink/stat) $(date +%s.%N)"; }

connection=$(curl -sf "$url/api/websites/$website/connections" -H "authorization: Bearer $token" -H 'content-type: application/json' \
  -d '{"platform":"meta","name":"Sink","settings":{"dataset_id":"42"},"credentials":{"access_token":"bench-token"}}' | json id)
hold() { sql -c "UPDATE connections SET state = '$1', state_reason = NULL WHERE id = '$connection'"; } # paused = routed and kept, not sent
queued() { sql -c "SELECT count(*) FROM delivery_queue"; }
fill() { # until so many wait
  hold paused
  local had=-1
  while [ "$(queued)" -lt "$1" ]; do
    [ "$(queued)" -gt "$had" ] || { echo "the intake took nothing" >&2; tail "$log" >&2; exit 1; }
    had=$(queued); PEOPLE=1 load 100 2 >/dev/null
    until [ "$(sql -c "SELECT count(*) FROM outbox")" = 0 ]; do sleep 0.2; done
  done
}
drain() { hold healthy; until [ "$(sql -c "SELECT count(*) FROM (SELECT FROM delivery_queue LIMIT 1) q")" = 0 ]; do sleep 0.2; done; }

echo "warming up (just-in-time compilation)"
fill 40000; drain
sql -c "TRUNCATE deliveries, delivery_attempts, delivery_calls, delivery_queue"; sql -c "VACUUM FULL delivery_queue"; sql -c "SELECT pg_stat_reset()" >/dev/null
fill "$wanted"; waiting=$(queued); sql -c "CHECKPOINT"
queue_before=$(sql -c "SELECT pg_total_relation_size('delivery_queue')")
echo "machine: $(nproc) cores, load average $(cut -d' ' -f1-3 /proc/loadavg), fsync on; $waiting deliveries wait, $(sql -c "SELECT count(*) FROM events") events are stored"

before=$(cpus); calls_before=$(curl -s 127.0.0.1:$sinkport/)
drain
after=$(cpus); calls_after=$(curl -s 127.0.0.1:$sinkport/)
delivered=$(sql -c "SELECT count(*) FROM deliveries WHERE status = 'delivered'")
[ "$delivered" = "$waiting" ] || { echo "$delivered of $waiting were delivered" >&2; exit 1; }
number() { echo "$1" | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"; }
rate=$(echo "$before $after" | awk "{ printf \"%.0f\", $waiting / (\$8 - \$4) }")
echo "delivered: $rate deliveries/s, $(($(number "$calls_after" events) - $(number "$calls_before" events))) events in $(($(number "$calls_after" calls) - $(number "$calls_before" calls))) calls"
echo "$before $after" | awk -v n="$waiting" -v cores="$(nproc)" '{ s = $8 - $4; u = $5 - $1 + $6 - $2 + $7 - $3
  printf "processor: %.0f %% of all cores; app %.0f us, PostgreSQL %.0f us, sink %.0f us a delivery\n", 100 * u / s / cores, 1e6 * ($5 - $1) / n, 1e6 * ($6 - $2) / n, 1e6 * ($7 - $3) / n }'
echo "bytes a delivery (= MB a million): table, heap, indexes, TOAST, total"
for table in deliveries delivery_attempts delivery_calls; do
  sql -F ' ' -c "SELECT '  $table', round(sum(pg_relation_size(relid))::numeric / $delivered), round(sum(pg_indexes_size(relid))::numeric / $delivered),
      round(sum(pg_total_relation_size(relid) - pg_relation_size(relid) - pg_indexes_size(relid))::numeric / $delivered), round(sum(pg_total_relation_size(relid))::numeric / $delivered)
    FROM pg_partition_tree('$table') WHERE isleaf"
done
sql -F ' ' -c "SELECT '  delivery_queue, full', round($queue_before::numeric / $waiting)"
sql -F ' ' -c "SELECT '  delivery_queue, drained', round(pg_total_relation_size('delivery_queue')::numeric / $waiting), 'dead rows', n_dead_tup, 'autovacuums', autovacuum_count,
    'HOT updates', n_tup_hot_upd, 'of', n_tup_upd FROM pg_stat_user_tables WHERE relname = 'delivery_queue'"

# What any queue on these tables must do at least: the same rows, moved from a queue to a history 1,000 a commit, by one connection with no app in between
sql >/dev/null <<SQL
CREATE TABLE bench_queue (LIKE delivery_queue INCLUDING ALL);
CREATE TABLE bench_deliveries (LIKE deliveries INCLUDING ALL);
INSERT INTO bench_queue (workspace_id, website_id, id, connection_id, event_id, event_name, created_at, next_attempt_at)
  SELECT workspace_id, website_id, id, connection_id, event_id, event_name, created_at, created_at FROM deliveries ORDER BY id;
CHECKPOINT;
SQL
batches=$(((delivered + 999) / 1000)); start=$(date +%s.%N)
for _ in $(seq $batches); do echo "WITH due AS (SELECT workspace_id, id FROM bench_queue ORDER BY workspace_id, connection_id, next_attempt_at LIMIT 1000),
  gone AS (DELETE FROM bench_queue q USING due WHERE q.workspace_id = due.workspace_id AND q.id = due.id RETURNING q.*)
  INSERT INTO bench_deliveries (workspace_id, website_id, id, connection_id, event_id, event_name, status, attempts, created_at, finished_at)
  SELECT workspace_id, website_id, id, connection_id, event_id, event_name, 'delivered', 1, created_at, now() FROM gone;"; done | sql
moved=$(awk "BEGIN { printf \"%.0f\", $delivered / ($(date +%s.%N) - $start) }")
[ "$(sql -c "SELECT count(*) FROM bench_queue")" = 0 ] || { echo "the raw move left rows" >&2; exit 1; }

# What the sink takes when bodies are ready: one of 1,000 events like those it was sent
node -e 'const one = `{"event_name":"PageView","event_time":1763000000,"event_id":"${"x".repeat(28)}","event_source_url":"https://shop.example.com/shoes/red?utm_source=facebook&utm_medium=paid&utm_campaign=spring","user_data":{"client_user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","fbc":"${"f".repeat(60)}","fbp":"fb.1.1763000000000.1234567890"},"custom_data":{"screen":"1920x1080","language":"en-GB"}}`;
  console.log("wrk.method = \"POST\"\nwrk.body = [[{\"data\":[" + Array(1000).fill(one).join(",") + "]}]]")' >"$data/sink.lua"
taken=$(wrk -t1 -c8 -d5s -s "$data/sink.lua" http://127.0.0.1:$sinkport/ | awk '/Requests\/sec/ { printf "%.0f", 1000 * $2 }')
echo "raw move from queue to history in PostgreSQL, 1,000 a commit: $moved rows/s; sink with ready bodies: $taken events/s"
awk "BEGIN { printf \"ratio: %.2f of the raw move, %.2f of the sink\n\", $rate / $moved, $rate / $taken }"
