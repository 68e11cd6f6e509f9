-- Roles and bans of accounts, and the audit log. Nodes from before it go on: what they write gets the
-- defaults, and a constant default needs no rewriting of the table. They let a banned person sign in, until
-- they are replaced.

ALTER TABLE "accounts"
  ADD COLUMN "role" character varying NOT NULL DEFAULT 'USER',
  ADD COLUMN "banned_at" timestamptz NULL,
  ADD COLUMN "ban_reason" character varying NULL;

-- No references: an entry outlives what it is about.
CREATE TABLE "audit_entries" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "actor_kind" character varying NOT NULL,
  "actor_id" uuid NULL,
  "action" character varying NOT NULL,
  "target_kind" character varying NOT NULL,
  "target_id" uuid NULL,
  "account_id" uuid NULL,
  "diff" jsonb NOT NULL,
  "request_id" character varying NOT NULL DEFAULT '',
  "ends_at" timestamptz NOT NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "audit_entries_actor" CHECK (("actor_kind" = 'PERSON') = ("actor_id" IS NOT NULL))
);
CREATE INDEX "auditentry_created_at" ON "audit_entries" ("created_at");
CREATE INDEX "auditentry_account_id_created_at" ON "audit_entries" ("account_id", "created_at");
CREATE INDEX "auditentry_actor_id_created_at" ON "audit_entries" ("actor_id", "created_at");
CREATE INDEX "auditentry_ends_at" ON "audit_entries" ("ends_at");

-- Entries are written once, and removed when their time is up. This stops mistakes and whatever has got hold
-- of a node; whoever owns the table can still take the trigger away. A day is left for clocks that differ.
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.ends_at <= now() + interval '1 day' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'audit entries are not changed, and not removed before their time'
    USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER "audit_entries_stay" BEFORE UPDATE OR DELETE ON "audit_entries"
  FOR EACH ROW EXECUTE FUNCTION audit_entries_stay();
CREATE TRIGGER "audit_entries_stay_all" BEFORE TRUNCATE ON "audit_entries"
  FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_stay();
