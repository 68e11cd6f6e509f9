package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Registered are operations that the operator knows and clients name by their ids.
type Registered struct {
	// Only is whether nothing else is served.
	Only bool

	texts map[string]string // by id
}

// manifestFormat is how Apollo's tool marks what it writes.
const manifestFormat = "apollo-persisted-query-manifest"

// ReadManifest reads a file of registered operations, in the format of Apollo's tool or as a map from ids to documents,
// which Relay and GraphQL Code Generator write. Handler.Register holds them to the schema.
func ReadManifest(path string, only bool) (Registered, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Registered{}, fmt.Errorf("read the registered operations: %w", err)
	}
	texts, err := manifest(text)
	if err != nil {
		return Registered{}, fmt.Errorf("read the registered operations in %s: %w", path, err)
	}
	return Registered{Only: only, texts: texts}, nil
}

// Len is how many there are.
func (r Registered) Len() int { return len(r.texts) }

func manifest(text []byte) (map[string]string, error) {
	if kind := bytes.TrimSpace(text); len(kind) == 0 || kind[0] != '{' {
		return nil, errors.New("it is not a JSON object")
	}
	var head struct {
		Format     string `json:"format"`
		Version    int    `json:"version"`
		Operations []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
			Body string `json:"body"`
		} `json:"operations"`
	}
	texts := map[string]string{}
	if err := json.Unmarshal(text, &head); err != nil || head.Format == "" {
		if err := json.Unmarshal(text, &texts); err != nil {
			return nil, fmt.Errorf("it is neither a manifest of the format %s nor a map from ids to documents", manifestFormat)
		}
		return texts, checkTexts(texts)
	}
	if head.Format != manifestFormat || head.Version != 1 {
		return nil, fmt.Errorf("its format is %q, version %d, and has to be %s, version 1", head.Format, head.Version, manifestFormat)
	}
	for i, op := range head.Operations {
		if op.ID == "" {
			return nil, fmt.Errorf("operation %d, %q, has no id", i+1, op.Name)
		}
		if other, taken := texts[op.ID]; taken && other != op.Body {
			return nil, fmt.Errorf("the id %q is there twice, with two documents", op.ID)
		}
		texts[op.ID] = op.Body
	}
	return texts, checkTexts(texts)
}

func checkTexts(texts map[string]string) error {
	if len(texts) == 0 {
		return errors.New("it has no operations")
	}
	if _, empty := texts[""]; empty {
		return errors.New("an operation has no id")
	}
	return nil
}

// Register lets clients name these operations, once it has held them to the schema and to the limits. Of each that
// does not keep them it says why. It is called before the Handler serves.
func (h *Handler) Register(r Registered) error {
	documents := make(map[string]*document, len(r.texts))
	var bad []error
	for _, id := range slices.Sorted(maps.Keys(r.texts)) {
		doc, _, errs := h.documents.examine(r.texts[id])
		if len(errs) > 0 {
			bad = append(bad, fmt.Errorf("the registered operation %s can not be served: %s", id, strings.TrimSuffix(errs[0].Message, ".")))
			continue
		}
		documents[id] = doc
	}
	h.registered, h.onlyRegistered = documents, r.Only
	return errors.Join(bad...)
}
