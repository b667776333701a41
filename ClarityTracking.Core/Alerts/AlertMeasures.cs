namespace ClarityTracking.Core.Alerts;

/// <summary>
/// How each kind of alert is measured: one query over rollups and states, narrow enough to run every minute for every website.
/// $1 workspace, $2 website, $3 now, $4 the website's time zone, $5 since when an event of it has waited before the router (NULL = none); columns subject, name, value, detail (JSON).
/// </summary>
internal static class AlertMeasures
{
    /// <summary>For kinds that are not measured by SQL: nothing, and the parameters keep their types.</summary>
    public const string None = "SELECT '', '', NULL::numeric, '{}' WHERE false AND $1 = $2::uuid AND $3 <> $5::timestamptz AND $4 = ''";

    /// <summary>Hours since the newest real event. A website that never had one is not silent yet; its install page says so.</summary>
    public const string Silence = """
        SELECT '', '', greatest(0, extract(epoch FROM $3 - last.at)) / 3600, jsonb_build_object('last_event_at', last.at)
          FROM (SELECT hour FROM event_rollups WHERE workspace_id = $1 AND website_id = $2 AND NOT is_test ORDER BY hour DESC LIMIT 1) r
         CROSS JOIN LATERAL (SELECT coalesce(
                   (SELECT received_at FROM events WHERE workspace_id = $1 AND website_id = $2 AND NOT is_test AND id >= clarity_lowest_id(r.hour)
                     ORDER BY id DESC LIMIT 1), r.hour) AS at) last
        """;

    /// <summary>
    /// Key coverage of the last 24 hours and of the week before, from which the estimate is made. Names with too few events are left out. The whole is
    /// the key '*' (KeyCoverage.All): hours without it are from before it was counted and hold tests and bots too.
    /// </summary>
    public const string MatchQuality = """
        WITH hours AS (
            SELECT name, hour FROM key_rollups WHERE workspace_id = $1 AND website_id = $2 AND hour >= $3 - interval '8 days' AND key = '*'),
        keys AS (
            SELECT name, k.key, coalesce(sum(k.events) FILTER (WHERE hour >= $3 - interval '24 hours'), 0) AS now,
                   coalesce(sum(k.events) FILTER (WHERE hour < $3 - interval '24 hours'), 0) AS before
              FROM hours JOIN key_rollups k USING (name, hour) WHERE k.workspace_id = $1 AND k.website_id = $2 AND k.hour >= $3 - interval '8 days' GROUP BY name, k.key)
        SELECT e.name, e.name, NULL::numeric, jsonb_build_object(
                   'now', coalesce(jsonb_object_agg(k.key, round(k.now / e.now, 4)) FILTER (WHERE k.key IS NOT NULL), '{}'),
                   'before', coalesce(jsonb_object_agg(k.key, round(k.before / e.before, 4)) FILTER (WHERE k.key IS NOT NULL), '{}'))
          FROM keys e LEFT JOIN keys k ON k.name = e.name AND k.key <> '*'
         WHERE e.key = '*' AND e.now >= 50 AND e.before >= 200 GROUP BY e.name
        """;

    /// <summary>
    /// Percent of an event name that came twice, the larger of two: what the same side told again under the same id since the hour before this one (a browser
    /// and a server under one id are as they should be), and what was counted twice under different ids in the last 24 hours.
    /// </summary>
    public const string Duplicates = """
        WITH since AS (SELECT date_trunc('hour', $3, 'UTC') - interval '1 hour' AS at, date_trunc('hour', $3, 'UTC') - interval '24 hours' AS day),
        again AS (
            SELECT r.name, sum(r.events) AS events FROM since, duplicate_repeats r
             WHERE r.workspace_id = $1 AND r.website_id = $2 AND r.hour >= since.at AND (r.first_source = '' OR (r.source = 'browser') = (r.first_source = 'browser'))
             GROUP BY r.name),
        twice AS (
            SELECT g.name, sum(g.events - 1)::numeric AS events FROM since, duplicate_groups g
             WHERE g.workspace_id = $1 AND g.website_id = $2 AND g.last_at >= since.day AND NOT g.ended AND g.ignored_at IS NULL AND NOT g.prevented
             GROUP BY g.name),
        stored AS (
            SELECT r.name, sum(r.events) FILTER (WHERE r.hour >= since.at) AS events, sum(r.events) FILTER (WHERE NOT r.is_test) AS day FROM since, event_rollups r
             WHERE r.workspace_id = $1 AND r.website_id = $2 AND r.hour >= since.day GROUP BY r.name),
        shares AS (
            SELECT a.name, 100 * a.events / (a.events + coalesce(s.events, 0)) AS share, jsonb_build_object('duplicates', a.events, 'events', coalesce(s.events, 0)) AS detail
              FROM again a LEFT JOIN stored s ON s.name = a.name WHERE a.events + coalesce(s.events, 0) >= 50
            UNION ALL
            SELECT t.name, 100 * t.events / s.day, jsonb_build_object('twice', t.events, 'events', s.day)
              FROM twice t JOIN stored s ON s.name = t.name WHERE s.day >= 20 AND s.day >= t.events)
        SELECT DISTINCT ON (name) name, name, share, detail FROM shares ORDER BY name, share DESC
        """;

    /// <summary>Percent of a connection's deliveries that died or are being retried, since the hour before this one; retries of a connection that is down have their own alert.</summary>
    public const string DeliveryFailures = """
        SELECT c.id::text, c.name, 100 * (d.dead + q.retrying) / (d.delivered + d.dead + q.retrying),
               jsonb_build_object('dead', d.dead, 'retrying', q.retrying, 'delivered', d.delivered, 'platform', c.platform)
          FROM connections c
         CROSS JOIN LATERAL (
               SELECT coalesce(sum(r.deliveries) FILTER (WHERE r.status = 'delivered'), 0) AS delivered, coalesce(sum(r.deliveries) FILTER (WHERE r.status = 'dead'), 0) AS dead
                 FROM delivery_rollups r
                WHERE r.workspace_id = $1 AND r.website_id = $2 AND r.connection_id = c.id AND r.hour >= date_trunc('hour', $3, 'UTC') - interval '1 hour') d
         CROSS JOIN LATERAL (
               SELECT count(*) FILTER (WHERE o.attempts > 0)::numeric AS retrying FROM (
                   SELECT w.attempts FROM delivery_queue w WHERE c.state = 'healthy' AND w.workspace_id = $1 AND w.connection_id = c.id LIMIT 10000) o) q
         WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.enabled AND d.delivered + d.dead + q.retrying >= 20
        """;

    /// <summary>Minutes that a connection has been degraded.</summary>
    public const string Degraded = """
        SELECT c.id::text, c.name, greatest(0, extract(epoch FROM $3 - c.state_changed_at) / 60), jsonb_build_object('reason', c.state_reason, 'platform', c.platform)
          FROM connections c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.enabled AND c.state = 'degraded'
        """;

    /// <summary>Minutes that a connection has been paused.</summary>
    public const string Paused = """
        SELECT c.id::text, c.name, greatest(0, extract(epoch FROM $3 - c.state_changed_at) / 60), jsonb_build_object('reason', c.state_reason, 'platform', c.platform)
          FROM connections c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.enabled AND c.state = 'paused'
        """;

    // to_jsonb reads the column where a database has it (connections.credentials_expire_at, UTC) and NULL where not
    private const string Expiry = """
        SELECT c.id::text AS id, c.name, c.platform, (to_jsonb(c) ->> 'credentials_expire_at')::timestamptz AS at
          FROM connections c WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.enabled
        """;

    /// <summary>Days until the credentials of a connection expire.</summary>
    public const string Expiring = $"""
        SELECT id, name, extract(epoch FROM at - $3) / 86400, jsonb_build_object('expires_at', at, 'platform', platform) FROM ({Expiry}) c WHERE at > $3
        """;

    /// <summary>Days since the credentials of a connection expired.</summary>
    public const string Expired = $"""
        SELECT id, name, extract(epoch FROM $3 - at) / 86400, jsonb_build_object('expires_at', at, 'platform', platform) FROM ({Expiry}) c WHERE at <= $3
        """;

    /// <summary>Minutes that the longest waiting delivery of a healthy connection, or event before the router, has been due.</summary>
    public const string QueueAge = """
        SELECT c.id::text, c.name, greatest(0, extract(epoch FROM $3 - q.due) / 60), jsonb_build_object('due_since', q.due, 'platform', c.platform)
          FROM connections c
         CROSS JOIN LATERAL (
               SELECT min(w.next_attempt_at) AS due FROM delivery_queue w
                WHERE w.workspace_id = $1 AND w.connection_id = c.id AND (w.claimed_until IS NULL OR w.claimed_until <= $3)) q -- not those on their way
         WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.enabled AND c.state = 'healthy' AND q.due < $3
        UNION ALL
        SELECT '', '', greatest(0, extract(epoch FROM $3 - $5) / 60), jsonb_build_object('due_since', $5) WHERE $5 IS NOT NULL
        """;

    /// <summary>
    /// How many times its usual pause a source has been silent. The usual pause is the third longest between two webhooks whose signature fitted in four
    /// weeks (so nights and weekends are usual, and an outage or two are not), at least an hour. Below 30 webhooks or a week nobody can tell what is usual.
    /// </summary>
    public const string WebhookSilence = """
        SELECT c.id::text, c.name, CASE WHEN s.webhooks >= 30 AND s.first <= $3 - interval '7 days' THEN greatest(0, extract(epoch FROM $3 - s.last)) / greatest(s.pause, 3600) END,
               jsonb_build_object('last_at', s.last, 'usual_hours', round(greatest(s.pause, 3600) / 3600, 1), 'webhooks', s.webhooks, 'platform', c.platform)
          FROM connections c
         CROSS JOIN LATERAL (
               SELECT count(*) AS webhooks, min(at) AS first, max(at) AS last, (array_agg(pause ORDER BY pause DESC NULLS LAST))[3] AS pause FROM (
                   SELECT w.last_received_at AS at, extract(epoch FROM w.last_received_at - lag(w.last_received_at) OVER (ORDER BY w.last_received_at)) AS pause
                     FROM inbound_webhooks w
                    WHERE w.workspace_id = $1 AND w.connection_id = c.id AND w.verdict = 'ok' AND w.last_received_at >= $3 - interval '28 days') heard) s
         WHERE c.workspace_id = $1 AND c.website_id = $2 AND c.enabled AND c.webhook_token IS NOT NULL
        """;

    /// <summary>
    /// Since when the oldest event of each website has waited before the router, measured once for all of them: the outbox is ordered by time alone.
    /// $1 is the lowest id that need not be looked at, so that a router that keeps up leaves nothing to read.
    /// </summary>
    public const string OldestInOutbox = """
        SELECT workspace_id, website_id, to_timestamp(min(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint) / 1000.0)
          FROM outbox WHERE id < clarity_lowest_id($1) GROUP BY workspace_id, website_id
        """;
}
