-- What a message said before an edit that a curtain hides from somebody: they go on seeing it. Additive: a binary from
-- before writes no such texts, and shows the new one to everybody as it did.
ALTER TABLE "conversation_entries"
  ADD COLUMN "body_before" text NULL,
  ADD COLUMN "edited_before" timestamptz NULL;
CREATE INDEX "conversationentry_kept" ON "conversation_entries" ("message_id") WHERE (body_before IS NOT NULL);
