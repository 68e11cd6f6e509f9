-- Tries to sign in: how often, for throttles, and what came of them, for their person and for statistics. Nodes from
-- before it go on, and write none. And when somebody last signed in, and a comparison of usernames that look alike.

ALTER TABLE "accounts" ADD COLUMN "last_login_at" timestamptz NULL;

CREATE TABLE "throttles" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "scope" bytea NOT NULL,
  "tries" bigint NOT NULL,
  "until" timestamptz NOT NULL,
  "last_try" uuid NOT NULL,
  "ends_at" timestamptz NOT NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "throttle_scope" ON "throttles" ("scope");
CREATE INDEX "throttle_ends_at" ON "throttles" ("ends_at");

-- No reference: an attempt is written without looking whether the account is still there.
CREATE TABLE "login_attempts" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "account_id" uuid NULL,
  "identifier_hash" bytea NULL,
  "outcome" character varying NOT NULL,
  "network" character varying NOT NULL DEFAULT '',
  "device_label" character varying NOT NULL DEFAULT '',
  PRIMARY KEY ("id")
);
CREATE INDEX "loginattempt_created_at" ON "login_attempts" ("created_at");
CREATE INDEX "loginattempt_account_id_created_at_id" ON "login_attempts" ("account_id", "created_at", "id");
CREATE INDEX "loginattempt_identifier_hash_network" ON "login_attempts" ("identifier_hash", "network");

CREATE FUNCTION login_attempts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'attempts to sign in are not changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER "login_attempts_stay" BEFORE UPDATE ON "login_attempts"
  FOR EACH ROW EXECUTE FUNCTION login_attempts_stay();

-- What usernames have in common that the eye can not tell apart: 0 and o, 1 and l, rn and m, vv and w. Old names may
-- look alike; the index only finds them.
CREATE FUNCTION username_look(username text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT replace(replace(translate(username, '01', 'ol'), 'rn', 'm'), 'vv', 'w')
$$;
CREATE INDEX "account_username_look" ON "accounts" (username_look("username"));

-- Counts a try for each scope, or for none and answers until when to wait. Scopes are locked in their order, so that
-- tries wait for each other and never in a circle. The waits are in seconds; see pace in internal/account/throttle.go.
CREATE FUNCTION count_try(
  at timestamptz, try uuid, scopes bytea[], free bigint[], waits bigint[], mosts bigint[], forgets bigint[]
) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
  latest timestamptz;
BEGIN
  INSERT INTO throttles (id, scope, tries, until, last_try, ends_at)
    SELECT gen_random_uuid(), s, 0, at, try, at FROM unnest(scopes) AS s ORDER BY s
    ON CONFLICT (scope) DO NOTHING;
  PERFORM 1 FROM throttles t WHERE t.scope = ANY (scopes) ORDER BY t.scope FOR UPDATE;
  -- Below what is free nobody waits: of two at once one may come by a clock that is a little behind the other's.
  SELECT max(t.until) INTO latest FROM throttles t
    JOIN unnest(scopes, free) AS i (scope, free) ON i.scope = t.scope
    WHERE t.ends_at > at AND t.tries >= i.free;
  IF latest > at THEN
    RETURN latest;
  END IF;
  UPDATE throttles t SET
    tries = n.tries,
    until = at + CASE WHEN n.tries < n.free THEN 0
      ELSE least(n.wait * 2 ^ least(n.tries - n.free, 30), n.most) END * interval '1 second',
    last_try = try,
    ends_at = at + n.forget * interval '1 second'
  FROM (
    SELECT i.*, CASE WHEN o.ends_at > at THEN o.tries ELSE 0 END + 1 AS tries
    FROM unnest(scopes, free, waits, mosts, forgets) AS i (scope, free, wait, most, forget)
    JOIN throttles o ON o.scope = i.scope
  ) n
  WHERE t.scope = n.scope;
  RETURN at;
END $$;

-- Takes a try back that was counted. What is right makes up for all that was wrong before it in the scopes to clear.
CREATE FUNCTION take_try_back(at timestamptz, try uuid, scopes bytea[], cleared bytea[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM throttles t WHERE t.scope = ANY (scopes) ORDER BY t.scope FOR UPDATE;
  UPDATE throttles t SET
    tries = CASE WHEN t.scope = ANY (cleared) THEN 0 ELSE greatest(t.tries - 1, 0) END,
    until = CASE WHEN t.last_try = try OR t.scope = ANY (cleared) THEN at ELSE t.until END
  WHERE t.scope = ANY (scopes);
END $$;

-- The same for names that pass for somebody who looks after the service: separators do not count, nor digits that are
-- read as letters.
CREATE FUNCTION username_imitation(username text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT replace(replace(translate(username, '01i345789._', 'olleastbg'), 'rn', 'm'), 'vv', 'w')
$$;
CREATE INDEX "account_username_imitation" ON "accounts" (username_imitation("username")) WHERE "role" <> 'USER';
