/** What the first map waits for, asked for while the drawing library is still being read. */

import { tongue } from "./address.js";
import * as server from "./server.js";

/**
 * Ask for what the page says and draws in a language.
 * @param {"en" | "zh"} language
 */
export const spoken = (language) => Promise.all([server.words(language), server.style(language), server.legend(language), server.columns(language)]);

export const base = Promise.all([server.about(), server.me()]);
export const first = spoken(tongue());

// main.js tells what went wrong; before it waits, nobody else does
for (const asked of [base, first]) asked.catch(() => null);
