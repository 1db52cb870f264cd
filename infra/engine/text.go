package engine

import (
	"context"

	pb "t1/infra/engine/enginepb"
)

// The roles of a message.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// Message is one turn of a chat.
type Message struct {
	Role    string // one of the roles above
	Content string // may say anything: a special token spelled in it stays text
}

// Rendered is a chat as the model reads it.
type Rendered struct {
	Tokens []int32 // up to where the assistant's answer begins
	Text   string  // the same, to read; encoding it again may give other tokens
}

// Render makes a prompt of each chat by the chat template of the trainer's model,
// or, in an engine that only samples, of the policy opened last. Special tokens
// come from the template alone. A model without a template, a role that is none
// and a template that refuses are KindInvalid.
func (c *Client) Render(ctx context.Context, chats [][]Message) ([]Rendered, error) {
	request := &pb.RenderRequest{}
	for _, chat := range chats {
		conversation := &pb.Conversation{}
		for _, m := range chat {
			conversation.Messages = append(conversation.Messages, &pb.Message{Role: m.Role, Content: m.Content})
		}
		request.Conversations = append(request.Conversations, conversation)
	}
	reply, err := c.text.Render(ctx, request)
	if err != nil {
		return nil, translate(err)
	}
	prompts := make([]Rendered, len(reply.GetPrompts()))
	for i, p := range reply.GetPrompts() {
		prompts[i] = Rendered{p.GetIds(), reply.GetTexts()[i]}
	}
	return prompts, nil
}

// Encode tokenises texts, with the same tokenizer as Render. They are content: no
// special token comes of what a text spells, and none is added.
func (c *Client) Encode(ctx context.Context, texts []string) ([][]int32, error) {
	reply, err := c.text.Encode(ctx, &pb.EncodeRequest{Texts: texts})
	ids := make([][]int32, len(reply.GetTexts()))
	for i, t := range reply.GetTexts() {
		ids[i] = t.GetIds()
	}
	return ids, translate(err)
}

// Decode is Encode's inverse.
func (c *Client) Decode(ctx context.Context, tokens [][]int32) ([]string, error) {
	request := &pb.DecodeRequest{}
	for _, ids := range tokens {
		request.Tokens = append(request.Tokens, &pb.Tokens{Ids: ids})
	}
	reply, err := c.text.Decode(ctx, request)
	return reply.GetTexts(), translate(err)
}
