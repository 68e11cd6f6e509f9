-- Accounts, profiles, sessions, blocks, conversations and their streams, as ent/schema declares them.

CREATE TABLE "accounts" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "updated_at" timestamptz NOT NULL DEFAULT now(),
  "version" bigint NOT NULL DEFAULT '1',
  "username" character varying NOT NULL,
  "email" character varying NOT NULL,
  "email_claimed_at" timestamptz NOT NULL,
  "email_verified_at" timestamptz NULL,
  "password_hash" character varying NOT NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "accounts_username_key" ON "accounts" ("username");
CREATE UNIQUE INDEX "account_email_verified" ON "accounts" ("email") WHERE (email_verified_at IS NOT NULL);
CREATE INDEX "account_email_claimed" ON "accounts" ("email", "email_claimed_at") WHERE (email_verified_at IS NULL);
CREATE TABLE "auth_sessions" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "account_id" uuid NOT NULL,
  "device_label" character varying NOT NULL DEFAULT '',
  "generation" bigint NOT NULL DEFAULT 0,
  "is_cookie" boolean NOT NULL DEFAULT false,
  "rotated_at" timestamptz NOT NULL,
  "last_used_at" timestamptz NOT NULL,
  "expires_at" timestamptz NOT NULL,
  "ends_at" timestamptz NOT NULL,
  "revoked_at" timestamptz NULL,
  PRIMARY KEY ("id")
);
CREATE INDEX "authsession_account_id_last_used_at" ON "auth_sessions" ("account_id", "last_used_at");
CREATE TABLE "blocks" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "blocker_id" uuid NOT NULL,
  "blocked_id" uuid NOT NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "block_blocker_id_blocked_id" ON "blocks" ("blocker_id", "blocked_id");
CREATE INDEX "block_blocked_id" ON "blocks" ("blocked_id");
-- The head and the read positions are updated with each message: room on the page keeps those updates cheap.
CREATE TABLE "conversations" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "kind" character varying NOT NULL,
  "pair_key" character varying NULL,
  "title" character varying NULL,
  "seq" bigint NOT NULL DEFAULT '0',
  "floor_seq" bigint NOT NULL DEFAULT '0',
  "last_message_at" timestamptz NULL,
  PRIMARY KEY ("id")
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX "conversations_pair_key_key" ON "conversations" ("pair_key");
CREATE TABLE "conversation_entries" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "conversation_id" uuid NOT NULL,
  "seq" bigint NOT NULL,
  "kind" character varying NOT NULL,
  "message_id" uuid NULL,
  "lower_id" uuid NULL,
  "upper_id" uuid NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "conversationentry_conversation_id_seq" ON "conversation_entries" ("conversation_id", "seq");
CREATE INDEX "conversationentry_created_at" ON "conversation_entries" ("created_at");
CREATE TABLE "conversation_members" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "conversation_id" uuid NOT NULL,
  "account_id" uuid NOT NULL,
  "joined_seq" bigint NOT NULL DEFAULT '0',
  "last_read_seq" bigint NOT NULL DEFAULT '0',
  "last_visit_at" timestamptz NULL,
  PRIMARY KEY ("id")
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX "conversationmember_conversation_id_account_id" ON "conversation_members" ("conversation_id", "account_id");
CREATE INDEX "conversationmember_account_id" ON "conversation_members" ("account_id");
CREATE TABLE "curtains" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "conversation_id" uuid NOT NULL,
  "lower_id" uuid NOT NULL,
  "upper_id" uuid NOT NULL,
  "from_seq" bigint NOT NULL,
  "until_seq" bigint NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "curtain_conversation_id_lower_id_upper_id_from_seq" ON "curtains" ("conversation_id", "lower_id", "upper_id", "from_seq");
CREATE INDEX "curtain_upper_id" ON "curtains" ("upper_id");
CREATE INDEX "curtain_lower_id" ON "curtains" ("lower_id");
CREATE TABLE "idempotency_keys" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "scope" bytea NOT NULL,
  "input_mac" bytea NOT NULL,
  "result_id" uuid NOT NULL,
  "expires_at" timestamptz NOT NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "idempotencykey_scope" ON "idempotency_keys" ("scope");
CREATE INDEX "idempotencykey_expires_at" ON "idempotency_keys" ("expires_at");
CREATE TABLE "messages" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "conversation_id" uuid NOT NULL,
  "seq" bigint NOT NULL,
  "author_id" uuid NULL,
  "idempotency_key" character varying NULL,
  "input_mac" bytea NULL,
  "body" text NULL,
  "reply_to_id" uuid NULL,
  "edited_at" timestamptz NULL,
  "deleted_at" timestamptz NULL,
  "version" bigint NOT NULL DEFAULT '1',
  PRIMARY KEY ("id"),
  CONSTRAINT "message_body_length" CHECK (char_length(body) <= 4000)
);
CREATE UNIQUE INDEX "message_conversation_id_seq" ON "messages" ("conversation_id", "seq");
CREATE UNIQUE INDEX "message_author_key" ON "messages" ("author_id", "idempotency_key") WHERE (idempotency_key IS NOT NULL);
CREATE TABLE "profiles" (
  "id" uuid NOT NULL,
  "created_at" timestamptz NOT NULL DEFAULT now(),
  "updated_at" timestamptz NOT NULL DEFAULT now(),
  "version" bigint NOT NULL DEFAULT '1',
  "username" character varying NOT NULL,
  "display_name" character varying NOT NULL,
  PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "profiles_username_key" ON "profiles" ("username");

-- References and checks are the migrations' own: ent has no edges here, because a query along an edge
-- would walk past the policy of the entity at its other end.
ALTER TABLE "profiles" ADD CONSTRAINT "profiles_account" FOREIGN KEY ("id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "auth_sessions" ADD CONSTRAINT "auth_sessions_account" FOREIGN KEY ("account_id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_blocker" FOREIGN KEY ("blocker_id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_blocked" FOREIGN KEY ("blocked_id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "blocks" ADD CONSTRAINT "blocks_not_oneself" CHECK (blocker_id <> blocked_id);
ALTER TABLE "conversation_members" ADD CONSTRAINT "conversation_members_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations" ON DELETE CASCADE;
ALTER TABLE "conversation_members" ADD CONSTRAINT "conversation_members_account" FOREIGN KEY ("account_id") REFERENCES "accounts" ON DELETE CASCADE;
ALTER TABLE "messages" ADD CONSTRAINT "messages_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations" ON DELETE CASCADE;
ALTER TABLE "messages" ADD CONSTRAINT "messages_author" FOREIGN KEY ("author_id") REFERENCES "accounts" ON DELETE SET NULL;
ALTER TABLE "conversation_entries" ADD CONSTRAINT "conversation_entries_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations" ON DELETE CASCADE;
ALTER TABLE "curtains" ADD CONSTRAINT "curtains_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations" ON DELETE CASCADE;
ALTER TABLE "curtains" ADD CONSTRAINT "curtains_in_order" CHECK (lower_id < upper_id);

-- The generation is part of the epoch: a new one tells every resuming client to refetch.
CREATE TABLE "stream_generation" (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  "generation" uuid NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO "stream_generation" DEFAULT VALUES;

-- A secret that the nodes of a development database share; production brings its own keys.
CREATE TABLE "dev_secret" (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  "secret" bytea NOT NULL
);
