// Sentences of reviews, as somebody may have written them.

export const EXAMPLE = `two hours of rain, regret and one very good dog
the songs alone are worth the ticket
nobody in this film behaves like a person you have met
slow to begin with, then impossible to leave`;
