package job

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
)

// wakingDriver is river's driver with a listener inside this process instead of PostgreSQL's LISTEN, which
// needs a session of its own and does not work behind PgBouncer. With it a job starts right after its commit,
// although the workers look for jobs only once a second.
type wakingDriver struct {
	*riverdatabasesql.Driver
	woken chan string
}

func newWakingDriver(pool *sql.DB) *wakingDriver {
	return &wakingDriver{Driver: riverdatabasesql.New(pool), woken: make(chan string, 64)}
}

// wake has this node's workers of a queue look for jobs. When it is full, they are about to look anyway.
func (d *wakingDriver) wake(queue string) {
	select {
	case d.woken <- queue:
	default:
	}
}

// SupportsListener tells river to ask for a listener.
func (*wakingDriver) SupportsListener() bool { return true }

// SupportsListenNotify tells river not to send notifications: nobody hears them, and PostgreSQL takes one
// lock for all transactions that send some.
func (*wakingDriver) SupportsListenNotify() bool { return false }

// GetListener implements riverdriver.Driver.
func (d *wakingDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.woken}
}

// listener hears what wake says. River asks its methods for a connection that is not there.
type listener struct{ woken <-chan string }

func (listener) Close(context.Context) error            { return nil }
func (listener) Connect(context.Context) error          { return nil }
func (listener) Listen(context.Context, string) error   { return nil }
func (listener) Ping(context.Context) error             { return nil }
func (listener) Schema() string                         { return "" }
func (listener) SetAfterConnectExec(string)             {}
func (listener) Unlisten(context.Context, string) error { return nil }

// WaitForNotification waits for the next call of wake.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case queue := <-l.woken:
		return &riverdriver.Notification{Topic: "river_insert", Payload: fmt.Sprintf(`{"queue": %q}`, queue)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
