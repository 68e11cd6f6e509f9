-- Who has joined a conversation or left it, in the hidden entries that say so. Nodes from before it pass over such
-- entries: they end no subscription, until they are replaced.

ALTER TABLE "conversation_entries" ADD COLUMN "member_id" uuid NULL;
