-- Facts: what happened, stored with the change, and the queues of those who have something to do about it.
--
-- None of it is an entity of ent: facts are partitioned, nobody reads them through the API, and they hold ids
-- alone. What a table is for stands here; what a fact means stands in docs/facts.md.

-- Facts are only ever added, and dropped by the day. The number is taken under the lock of the fact's
-- subject, so the numbers of one subject follow the order of its commits. Between subjects they say nothing.
CREATE SEQUENCE "fact_ids";
CREATE TABLE "facts" (
  "id" bigint NOT NULL DEFAULT nextval('fact_ids'),
  "at" timestamptz NOT NULL DEFAULT now(),
  "kind" text NOT NULL,
  "subject_id" uuid NOT NULL,
  "actor_id" uuid NULL,
  -- Other ids that the fact is about, by name.
  "refs" jsonb NOT NULL DEFAULT '{}',
  -- When the relay had put it on its topics; null for what is on none.
  "published_at" timestamptz NULL,
  PRIMARY KEY ("id", "at")
) PARTITION BY RANGE ("at");
-- For a day whose partition was not made in time: no change may fail for that.
CREATE TABLE "facts_default" PARTITION OF "facts" DEFAULT;

-- Makes the partition of a day (in UTC) unless it is there, and moves what came too early into it.
CREATE FUNCTION make_fact_partition(p_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := 'facts_' || to_char(p_day, 'YYYYMMDD');
  day_begins timestamptz := p_day::timestamp AT TIME ZONE 'UTC';
  day_ends timestamptz := (p_day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
  IF to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  -- Nodes that start together make the same days.
  PERFORM pg_advisory_xact_lock(7402331986);
  IF to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  -- In the order in which the dropping of a day locks, so that the two can't wait for each other.
  LOCK TABLE facts IN SHARE UPDATE EXCLUSIVE MODE;
  EXECUTE format('CREATE TABLE %I (LIKE facts INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', name);
  -- Nobody may store into the default partition between the look and the attaching.
  LOCK TABLE facts_default IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('WITH moved AS (DELETE FROM facts_default WHERE at >= $1 AND at < $2 RETURNING *)
    INSERT INTO %I SELECT * FROM moved', name) USING day_begins, day_ends;
  EXECUTE format('ALTER TABLE facts ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, day_begins, day_ends);
END $$;
SELECT make_fact_partition((now() AT TIME ZONE 'UTC')::date + n) FROM generate_series(0, 7) n;

-- Which consumer wants to know of which kind of fact. Nodes add the rows of the consumers they know when they
-- start; a release that gives a consumer up takes its rows away in a migration. So a fact that an old node
-- stores during an upgrade reaches the new nodes' consumers too.
CREATE TABLE "fact_interests" (
  "kind" text NOT NULL,
  "consumer" text NOT NULL,
  PRIMARY KEY ("kind", "consumer")
);

-- A row for each fact and each consumer that has yet to deal with it. A subject's facts lie in one partition.
CREATE TABLE "fact_queue" (
  "consumer" text NOT NULL,
  "partition" smallint NOT NULL,
  "fact_id" bigint NOT NULL,
  "fact_at" timestamptz NOT NULL,
  "subject_id" uuid NOT NULL,
  PRIMARY KEY ("consumer", "partition", "fact_id")
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- What happens in bursts has one row for each thing that it happens to, however often: "all up to this number".
-- Messages need no fact of their own, and what concerns one person alone, such as having read, is none.
CREATE TABLE "fact_bursts" (
  "consumer" text NOT NULL,
  "partition" smallint NOT NULL,
  "kind" text NOT NULL,
  "subject_id" uuid NOT NULL,
  -- Whom alone it concerns; the zero id for everybody.
  "person_id" uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  -- From where up to where.
  "since" bigint NOT NULL,
  "through" bigint NOT NULL,
  "at" timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY ("consumer", "kind", "subject_id", "person_id")
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX "fact_bursts_partition" ON "fact_bursts" ("consumer", "partition");

-- Up to where a burst has been taken that stays in the queue, because somebody was just adding to it when its
-- batch was done. What is taken next begins behind it: a happening that some people must not learn of would else
-- reach them together with one that they have been told of already.
CREATE TABLE "fact_bursts_taken" (
  "consumer" text NOT NULL,
  "kind" text NOT NULL,
  "subject_id" uuid NOT NULL,
  "person_id" uuid NOT NULL,
  "through" bigint NOT NULL,
  PRIMARY KEY ("consumer", "kind", "subject_id", "person_id")
);

-- Who holds the lock of a row here works on that partition. The queues' own rows are never locked for it.
CREATE TABLE "fact_claims" (
  "consumer" text NOT NULL,
  "partition" smallint NOT NULL,
  PRIMARY KEY ("consumer", "partition")
);

-- A fact that a consumer failed on. Later facts of its subject wait behind it; all others go on.
CREATE TABLE "fact_parked" (
  "consumer" text NOT NULL,
  "subject_id" uuid NOT NULL,
  -- Null for a burst.
  "fact_id" bigint NULL,
  "kind" text NOT NULL,
  -- Whom alone a burst concerns; null for everybody, and for facts.
  "person_id" uuid NULL,
  "tries" int NOT NULL DEFAULT 1,
  "error" text NOT NULL,
  "parked_at" timestamptz NOT NULL DEFAULT now(),
  "next_at" timestamptz NOT NULL,
  PRIMARY KEY ("consumer", "subject_id")
);

-- The partition that a subject's facts lie in. The last byte of a UUIDv7 is random.
CREATE FUNCTION fact_partition(p_subject uuid) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (get_byte(uuid_send(p_subject), 15) & 63)::smallint;

-- Stores facts in the order given, queues them for whoever is interested, and answers which queues have work now.
CREATE FUNCTION store_facts(p_kind text[], p_subject uuid[], p_actor uuid[], p_refs text[])
RETURNS TABLE (consumer text, partition smallint) LANGUAGE sql VOLATILE AS $$
  WITH stored AS (
    INSERT INTO facts (kind, subject_id, actor_id, refs)
    SELECT i.kind, i.subject_id, i.actor_id, i.refs::jsonb
    FROM unnest(p_kind, p_subject, p_actor, p_refs) WITH ORDINALITY AS i (kind, subject_id, actor_id, refs, n)
    ORDER BY i.n
    RETURNING id, at, kind, subject_id
  ), queued AS (
    INSERT INTO fact_queue (consumer, partition, fact_id, fact_at, subject_id)
    SELECT w.consumer, fact_partition(s.subject_id), s.id, s.at, s.subject_id
    FROM stored s JOIN fact_interests w ON w.kind = s.kind
    RETURNING consumer, partition
  )
  SELECT DISTINCT q.consumer, q.partition FROM queued q
$$;

-- Notes bursts, in the order of their subjects so that two calls can't wait for each other, and answers which
-- queues have work now.
CREATE FUNCTION note_bursts(p_kind text, p_subject uuid[], p_person uuid[], p_since bigint[], p_through bigint[])
RETURNS TABLE (consumer text, partition smallint) LANGUAGE sql VOLATILE AS $$
  INSERT INTO fact_bursts AS b (consumer, partition, kind, subject_id, person_id, since, through)
  SELECT w.consumer, fact_partition(i.subject_id), p_kind, i.subject_id,
    coalesce(i.person_id, '00000000-0000-0000-0000-000000000000'), i.since, i.through
  FROM unnest(p_subject, p_person, p_since, p_through) AS i (subject_id, person_id, since, through)
  JOIN fact_interests w ON w.kind = p_kind
  ORDER BY w.consumer, i.subject_id, i.person_id
  ON CONFLICT (consumer, kind, subject_id, person_id) DO UPDATE SET through = greatest(b.through, excluded.through)
  RETURNING b.consumer, b.partition
$$;
