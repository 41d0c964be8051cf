/** Rounds of questions that one call may take. */
export const maxRounds = 10;
