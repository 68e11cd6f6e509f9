package account

import "context"

// AskForMail counts that a mail to somebody is asked for, as what posts one does.
func AskForMail(ctx context.Context, s *Service, name string) error {
	return s.throttle(ctx, mailTo, name)
}
