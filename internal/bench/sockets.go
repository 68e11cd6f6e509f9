package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// crowded is many on one conversation.
var crowded = casting{people: 100, rooms: 1, members: 100, sockets: 2000}

const (
	calmRate     = 8  // messages a second: 16,000 deliveries
	mostKB       = 30 // of memory, that a socket takes
	cpuOfCrowded = 3  // times as much takes stock gqlgen at least
)

// measureSockets shows what a delivery and what a socket take, while everything can keep up.
func measureSockets(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.openStage(ctx, crowded.in(b))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var cpu, late, full contest
	wrong := row{what: "… deliveries missing, doubled or out of order", goal: none}
	count := int(calmRate * b.during(4*time.Second).Seconds())
	err = s.rounds(ctx, b, "sockets", func(round, i int, on *side) error {
		t, err := s.play(ctx, on, round, count, calmRate, 15*time.Second)
		if err != nil {
			return err
		}
		cpu[i], late[i] = append(cpu[i], t.perDelivery()), append(late[i], t.P99)
		full[i] = append(full[i], (t.after.Resident-on.bare.Resident)/float64(s.sockets))
		if i == 0 {
			wrong.values = append(wrong.values, float64(t.wrong()))
			wrong.beside = fmt.Sprintf("of %s", figure(float64(t.owed)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	memory, goroutines, err := s.rest()
	what := fmt.Sprintf("%s sockets, %s deliveries/s: ", figure(float64(s.sockets)), figure(float64(calmRate*s.sockets)))
	kept := memory.row("… memory of a socket", "KB", 0)
	kept.goal = atMost(mostKB, "KB")
	return []row{
		cpu.row(what+"CPU", "µs/delivery", cpuOfCrowded), wrong, late.row("… send to arrival, p99", "ms", 0),
		kept, full.row("… memory of a socket, garbage included", "KB", 0), goroutines.row("… goroutines of a socket", "", 0),
	}, err
}
