-- Invites by address and by code, and who invited whom. Additive: a node from before knows of no codes, and registers
-- people as it did.
ALTER TABLE "accounts" ADD COLUMN "invited_by" uuid NULL;
CREATE INDEX "account_invited_by" ON "accounts" ("invited_by") WHERE (invited_by IS NOT NULL);
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_invited_by" FOREIGN KEY ("invited_by") REFERENCES "accounts" ON DELETE SET NULL;

CREATE TABLE "invites" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "inviter_id" uuid NOT NULL,
  "email" character varying NULL,
  "email_mac" bytea NOT NULL,
  "code_hash" bytea NOT NULL,
  "expires_at" timestamptz NOT NULL,
  "mailed_at" timestamptz NULL,
  "accepted_at" timestamptz NULL,
  "withdrawn_at" timestamptz NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "invites_code_hash_key" ON "invites" ("code_hash");
CREATE INDEX "invite_inviter_id_created_at_id" ON "invites" ("inviter_id", "created_at", "id");
CREATE INDEX "invite_email_mac_mailed_at" ON "invites" ("email_mac", "mailed_at");
CREATE INDEX "invite_expires_at" ON "invites" ("expires_at");
ALTER TABLE "invites" ADD CONSTRAINT "invites_inviter" FOREIGN KEY ("inviter_id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "invites" ADD CONSTRAINT "invites_end_once" CHECK (accepted_at IS NULL OR withdrawn_at IS NULL);
-- Whoever has joined, or is no longer invited, is nobody whose address is kept here.
ALTER TABLE "invites" ADD CONSTRAINT "invites_ended_forget" CHECK (email IS NULL OR accepted_at IS NULL AND withdrawn_at IS NULL);

CREATE TABLE "invite_codes" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "inviter_id" uuid NULL,
  "code_hash" bytea NOT NULL,
  "hint" character varying NOT NULL,
  "max_uses" bigint NOT NULL,
  "use_count" bigint NOT NULL DEFAULT '0',
  "expires_at" timestamptz NOT NULL,
  "revoked_at" timestamptz NULL,
  "idempotency_key" character varying NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "invite_codes_code_hash_key" ON "invite_codes" ("code_hash");
CREATE INDEX "invitecode_inviter_id_created_at_id" ON "invite_codes" ("inviter_id", "created_at", "id");
CREATE UNIQUE INDEX "invitecode_inviter_id_idempotency_key" ON "invite_codes" ("inviter_id", "idempotency_key");
CREATE INDEX "invitecode_expires_at" ON "invite_codes" ("expires_at");
ALTER TABLE "invite_codes" ADD CONSTRAINT "invite_codes_inviter" FOREIGN KEY ("inviter_id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "invite_codes" ADD CONSTRAINT "invite_codes_uses" CHECK (use_count BETWEEN 0 AND max_uses);
