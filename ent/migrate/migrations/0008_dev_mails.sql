-- The mailbox of development: mails that would have been sent, shown at /dev/mail on every node. It is empty
-- in production. The code keeps the last 200.
CREATE TABLE dev_mails (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id text NOT NULL UNIQUE,
  received_at timestamptz NOT NULL DEFAULT now(),
  to_name text NOT NULL,
  to_address text NOT NULL,
  subject text NOT NULL,
  text_body text NOT NULL,
  html_body text NOT NULL
);
