// Package mail writes and sends mails. What is to be written to whom is inserted as a job, in the transaction
// of what it tells about; the address is read, and the text rendered, when it is sent. It is the one home of
// go-mail.
//
// A mail is sent at least once. Each has one Message-ID on all attempts, so that a double can be told: it
// happens only if a node dies between the server's "250" and the end of the job.
package mail
