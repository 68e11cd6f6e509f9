package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// small is many small groups, the product's usual shape. Four of each five are on the node that is measured, and the
// fifth, who writes, on another one.
var small = casting{people: 100, rooms: 1000, members: 5, sockets: 4000}

const (
	groupRate   = 1000 // messages a second: each group one
	cpuOfGroups = 1.8  // times as much takes stock gqlgen at least
)

// measureGroups shows what a delivery takes where hardly anybody shares it.
func measureGroups(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.openStage(ctx, small.in(b))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var cpu, own, late contest
	wrong := row{what: "… deliveries missing, doubled or out of order", goal: none}
	count := int(groupRate * b.during(4*time.Second).Seconds())
	err = s.rounds(ctx, b, "groups", func(round, i int, on *side) error {
		t, err := s.play(ctx, on, on.rooms, 2*round-1, count, groupRate, 15*time.Second)
		if err != nil {
			return err
		}
		cpu[i], late[i] = append(cpu[i], t.perDelivery()), append(late[i], t.P99)
		if i == 0 {
			wrong.values = append(wrong.values, float64(t.wrong()))
			wrong.beside = fmt.Sprintf("of %s", figure(float64(t.owed)))
		}
		if t, err = s.play(ctx, on, swapped(on.rooms), 2*round, count, groupRate, 15*time.Second); err != nil {
			return err
		}
		own[i] = append(own[i], t.perDelivery())
		return nil
	})
	if err != nil {
		return nil, err
	}
	memory, _, err := s.rest()
	what := fmt.Sprintf("%s groups of %d, %s messages/s from another node: ",
		figure(float64(len(s.sides[0].rooms))), small.members, figure(groupRate))
	return []row{
		cpu.row(what+"CPU", "µs/delivery", cpuOfGroups), wrong, late.row("… send to arrival, p99", "ms", 0),
		own.row("… CPU where one of the four wrote it", "µs/delivery", 0),
		memory.row("… memory of a socket, with its share of the group and of kept updates", "KB", 0),
	}, err
}
