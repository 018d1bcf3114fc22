/** What to try first: prompts that suit the model in use. */

/** A few prompts, and what the model is good for where that needs saying. */
export interface Suggestions {
  readonly about: string | undefined;
  readonly prompts: readonly string[];
}

const TALES: Suggestions = {
  about:
    'This model is tiny: it tells stories about children and animals, and answers questions about the story it has just told, such as “Where is Lily?”',
  prompts: [
    'Tell me a story about Lily, Bruno and a red kite at the park. It is about a gift.',
    'Tell me a story about Ben and a blue ball.',
    'Tell me a story about Noah, Rosie and a white drum at the river. It is about a lost thing.',
  ],
};

const GENERAL: Suggestions = {
  about: undefined,
  prompts: [
    'Explain in three sentences how a bicycle stays upright.',
    'Write a JavaScript function that counts the words of a text.',
    'Make a table of four herbs: what they taste like, and what they go with.',
  ],
};

/** Those for a model of that title; stories for the bundled model, which knows nothing else. */
export function suggestionsFor(title: string | undefined): Suggestions {
  return title !== undefined && /\btales\b/i.test(title) ? TALES : GENERAL;
}
