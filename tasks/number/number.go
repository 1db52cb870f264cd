// Package number grades answers that are one number, as those of GSM8K are.
//
// A response's number is looked for in this order:
//
//  1. in the last \boxed{};
//  2. after the last ####, as the reference solutions of GSM8K end;
//  3. after the last "answer is" or "answer:", in whatever case, where a number
//     follows at all;
//  4. the last number of the response.
//
// In 1 to 3 it is the first number there; in a calculation such as 2 + 3 = 5 the
// one after the last equals sign of the line. A calculation without a result is
// no number.
//
// A number is an integer, a decimal or a fraction a/b or \frac{a}{b}, with a
// whole part in front of it or none, and is compared exactly: 0.50 is 1/2, and
// 0.333 is not 1/3. Thousands separators, currency signs and words beside it do
// not matter; neither does a percent sign, so that 50% is 50 and not 0.5.
package number

import (
	"regexp"
	"strings"

	"t1"
	"t1/tasks/boxed"
)

// Grade is a verdict on a response to a problem whose Answer is a number, or a
// text that ends in one as above. The verdict's Answer is the number in lowest
// terms: "-1/2", "1234". A response without a number is wrong, and so is any
// where the problem's Answer has none.
func Grade(p t1.Problem, response string) t1.Grade {
	got, found := final(response)
	if !found {
		return t1.Grade{}
	}
	want, known := final(p.Answer)
	return t1.Grade{Correct: known && got.Cmp(want) == 0, Answer: got.RatString()}
}

// All lists the numbers of a text in its order, in lowest terms, as a verdict's
// Answer is written. Those of a calculation are among them.
func All(text string) []string {
	found := scan(plain(text))
	all := make([]string, len(found))
	for i, n := range found {
		all[i] = n.value.RatString()
	}
	return all
}

var beside = regexp.MustCompile(`^(?:[-\s$£€¥₹%°.,*]|[A-Za-z]{2,})*$`)

// Alone reports whether an Answer is one number with a sign, a currency and a
// unit at most, where the reference is in a box, after #### or by itself. Of any
// other text Grade would compare a number that happens to stand in it.
func Alone(answer string) bool {
	if content, ok := boxed.Last(answer); ok {
		answer = content
	} else if at := strings.LastIndex(answer, "####"); at >= 0 {
		answer = answer[at+len("####"):]
	}
	answer = plain(answer)
	numbers := scan(answer)
	return len(numbers) == 1 && beside.MatchString(answer[:numbers[0].start]+" "+answer[numbers[0].end:])
}
