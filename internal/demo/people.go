// Package demo moves a dozen people into a development database, who are fictional, as is what they say,
// and keeps one of them company: whoever writes to the companion is answered.
package demo

// A Person of the demo.
type Person struct {
	Username    string
	DisplayName string
}

// Companion is the username of the person who answers.
const Companion = "robin"

// Password is every demo person's.
const Password = "lunch-is-at-noon"

// People are the demo people. All are invented.
func People() []Person {
	return []Person{
		{"ada", "Ada Okafor"},
		{"grace", "Grace Lindqvist"},
		{Companion, "Robin (answers)"},
		{"mateo", "Mateo Reyes"},
		{"yuki", "Yuki Tanabe"},
		{"leila", "Leila Haddad"},
		{"tomasz", "Tomasz Zielony"},
		{"ines", "Inês Carvalho"},
		{"kofi", "Kofi Mensah-Boateng"},
		{"freya", "Freya Nygaard"},
		{"arjun", "Arjun Pillai"},
		{"noor", "Noor van Dijk"},
	}
}

// A line is something said in the demo's past.
type line struct{ from, text string }

// A talk is a conversation of the demo's past; whoever does not speak last has not read the last lines.
type talk struct {
	between [2]string
	lines   []line
}

func talks() []talk {
	return []talk{
		{[2]string{"ada", "yuki"}, []line{
			{"yuki", "Did you find the notes from Tuesday's study group?"},
			{"ada", "Yes, page 14 onwards. The diagram finally makes sense."},
			{"yuki", "Then you explain it next time :)"},
		}},
		{[2]string{"ada", "tomasz"}, []line{
			{"tomasz", "Two of us for nine holes on Saturday, looking for a third."},
			{"ada", "I play like I cook. Still want me?"},
			{"tomasz", "Depends. How do you cook?"},
			{"ada", "Slowly, and with a lot of water."},
			{"tomasz", "8:10 at the first tee then. Bring a rain jacket."},
		}},
		{[2]string{"grace", "mateo"}, []line{
			{"grace", "Is the taco place open on Mondays?"},
			{"mateo", "From noon. They run out of the good salsa by one."},
			{"grace", "Noon it is."},
		}},
		{[2]string{"grace", "leila"}, []line{
			{"leila", "Thanks for lunch! I had no idea we sit one floor apart."},
			{"grace", "Four years! Let's not make it four more."},
		}},
		{[2]string{"ada", Companion}, []line{
			{Companion, "Hi Ada, I am the demo's companion. Write me anything and I will answer, so that even one tab is alive."},
		}},
		{[2]string{"grace", Companion}, []line{
			{Companion, "Hi Grace, I am the demo's companion. Write me anything and I will answer."},
		}},
		{[2]string{"ada", "grace"}, []line{
			{"ada", "Lunch on Thursday? The noodle place by the river has a table for two."},
			{"grace", "Yes! A quarter past twelve?"},
			{"ada", "Perfect. I'll be the one with the wet umbrella."},
			{"grace", "Open this chat in a second tab as me and write back :)"},
		}},
	}
}
