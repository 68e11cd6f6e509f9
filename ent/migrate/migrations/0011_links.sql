-- Links in mails: one-time tokens, and what an account waits for them with. Additive: a binary from before sends no links,
-- and writes accounts that wait for nothing.
ALTER TABLE "accounts"
  ADD COLUMN "email_pending" character varying NULL,
  ADD COLUMN "email_pending_at" timestamptz NULL,
  ADD COLUMN "reset_pending_at" timestamptz NULL,
  ADD COLUMN "claim_told_at" timestamptz NULL;

CREATE TABLE "one_time_tokens" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "account_id" uuid NOT NULL,
  "purpose" character varying NOT NULL,
  "email" character varying NOT NULL,
  "password_mark" bytea NULL,
  "expires_at" timestamptz NOT NULL,
  "used_at" timestamptz NULL,
  PRIMARY KEY ("id"),
  CONSTRAINT "one_time_tokens_account" FOREIGN KEY ("account_id") REFERENCES "accounts" ON DELETE CASCADE
);
CREATE INDEX "onetimetoken_account_id_created_at" ON "one_time_tokens" ("account_id", "created_at");
CREATE INDEX "onetimetoken_email_created_at" ON "one_time_tokens" ("email", "created_at");
CREATE INDEX "onetimetoken_expires_at" ON "one_time_tokens" ("expires_at");
