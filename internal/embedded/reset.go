package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Reset deletes the private data that belongs to dir, wherever it is kept, and
// nothing else that lies there. It refuses while a running instance holds it.
func Reset(dir string) error {
	dir, err := resolve(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx := context.Background()
	hold, err := takeHold(ctx, lockPath(dir))
	if err != nil {
		return explain(err, dir, (*heldError).stopFirst)
	}
	t := &site{dir: dir, hold: hold}
	err = t.erase(ctx)
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%w (root made this data, so root has to delete it)", err)
	}
	return errors.Join(err, hold.release())
}
