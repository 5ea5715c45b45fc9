// A voicemail as a recognizer writes it: no punctuation, no capitals, numbers in words.

export const EXAMPLE = {
  context: `hi this is margaret from the harbor clinic calling for mister lindqvist um we had to move your appointment \
because doctor osei is away on thursday so we put you down for the following tuesday at a quarter past nine in the \
morning and that is with doctor brandt on the second floor not the third where you were last time please bring your \
insurance card and the letter from the eye hospital if you have it and don't eat anything after midnight because they \
want to take blood again if tuesday is no good ring us back before friday noon the number is five five five oh one \
four two and ask for the front desk oh and parking is free now in the lot behind the bakery thanks bye`,
  questions: [
    "when is the new appointment",
    "which doctor is away",
    "what should he bring",
    "where is parking free",
    "why should he not eat",
  ],
};
