-- When a session last proved the password. Those from before are asked for it again: a constant default needs no
-- rewriting of the table. Nodes from before write what signing in means, this very moment.
ALTER TABLE "auth_sessions" ADD COLUMN "authenticated_at" timestamptz NOT NULL DEFAULT 'epoch';
ALTER TABLE "auth_sessions" ALTER COLUMN "authenticated_at" SET DEFAULT now();
