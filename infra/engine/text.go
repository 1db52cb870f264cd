package engine

import (
	"context"

	"t1"
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

// Decode writes tokens with the tokenizer of a policy, which the engine must hold
// or have open for its text: see [Client.OpenText]; else it is KindNotFound. An
// empty policy means the tokenizer of Encode.
func (c *Client) Decode(ctx context.Context, policy t1.Digest, tokens [][]int32) ([]string, error) {
	reply, err := c.text.Decode(ctx, &pb.DecodeRequest{Policy: string(policy), Tokens: tokensOf(tokens)})
	return reply.GetTexts(), translate(err)
}

// OpenText makes a policy's tokenizer ready for Decode. Of the directory that
// Publish wrote it reads config.json and the tokenizer's files: the weights need
// not be there.
func (c *Client) OpenText(ctx context.Context, policy t1.Digest, directory string) error {
	_, err := c.sampler.OpenPolicy(ctx, &pb.OpenPolicyRequest{Policy: string(policy), Directory: directory, Text: true})
	return translate(err)
}

func tokensOf(sequences [][]int32) []*pb.Tokens {
	tokens := make([]*pb.Tokens, len(sequences))
	for i, ids := range sequences {
		tokens[i] = &pb.Tokens{Ids: ids}
	}
	return tokens
}
