package fact

import "time"

// SetTakeTime sets how long a batch may take; before Start.
func (l *Log) SetTakeTime(d time.Duration) { l.takeTime = d }
