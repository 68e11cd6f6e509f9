package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// floodRate is messages a second to each of the crowd's sockets: 160,000 deliveries.
const floodRate = 80

// floodPatience is how long deliveries may take after the last message: what nobody has got by then is missing.
const floodPatience = 40 * time.Second

// measureFlood offers more than most can deliver. What counts is that nothing gets lost without a word: who does
// not keep up is closed with 1013, comes back by its cursor, and gets the rest.
func measureFlood(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.openStage(ctx, crowded.in(b))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var cpu, late, rate contest
	missing, resumed := row{what: "… lost without a word, doubled or out of order", goal: none}, row{what: "… sockets closed with 1013 that came back"}
	lost, before := 0, tally{}
	count := int(floodRate * b.during(4*time.Second).Seconds())
	err = s.rounds(ctx, b, "flood", func(round, i int, on *side) error {
		t, err := s.play(ctx, on, round, count, floodRate, floodPatience)
		if err != nil {
			return err
		}
		cpu[i], late[i] = append(cpu[i], t.perDelivery()), append(late[i], t.P99)
		rate[i] = append(rate[i], float64(t.Deliveries)/t.took.Seconds())
		if i == 1 {
			lost += t.owed - t.Deliveries
			missing.beside = fmt.Sprintf("stock: %s", figure(float64(lost)))
			return nil
		}
		missing.values = append(missing.values, float64(t.wrong()-before.Lost-before.Twice))
		resumed.values = append(resumed.values, float64(t.Resumed-before.Resumed))
		resumed.beside = fmt.Sprintf("%d told to fetch anew", t.Resyncs)
		before = t.tally
		return nil
	})
	what := fmt.Sprintf("%s sockets, %s deliveries/s offered: ", figure(float64(s.sockets)), figure(float64(floodRate*s.sockets)))
	return []row{
		rate.row(what+"delivered", "/s", 0), missing, resumed,
		late.row("… send to arrival, p99", "ms", 0), cpu.row("… CPU", "µs/delivery", 0),
	}, err
}
