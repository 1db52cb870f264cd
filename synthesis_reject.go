package t1

// Reasons why a problem gives no demonstration.
const (
	RejectOverlap        = "benchmark_overlap" // a benchmark asks it; nothing was asked for
	RejectDuplicate      = "duplicate"         // an earlier row has the same question and the same response
	RejectNoRightAttempt = "no_right_attempt"  // nothing to build on; nothing more was asked for
	RejectNoWrongAttempt = "no_wrong_attempt"  // no trial and error to show; nothing more was asked for
	RejectEmpty          = "empty_reply"       // a critique, merge or rewrite stayed empty
	RejectTruncated      = "truncated"         // the rewrite ran into max_tokens
	RejectNoAnswer       = "no_answer"         // it states no final answer
	RejectWrongAnswer    = "wrong_answer"      //
	RejectAnswerNotLast  = "answer_not_last"   // the right answer does not stand at the end
	RejectNoTrial        = "no_trial"          // no phrase of trial and error
	RejectWrongNotShown  = "wrong_not_shown"   // no wrong attempt's answer in it
	RejectNoVerification = "no_verification"   // no phrase of self-verification
	RejectForbidden      = "forbidden"         // a forbidden phrase
	RejectTooShort       = "too_short"         //
	RejectTooLong        = "too_long"          //
	RejectSkipped        = "skipped"           // a person passed over it
)
