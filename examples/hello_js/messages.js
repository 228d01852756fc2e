// What beacon and station say to each other.

import { message } from "./lightlag.js";

export const Greeting = message("hello_js.greeting", 1, { text: "string", number: "integer" });
// Nanoseconds need 64 bits: a Number will not do, see lightlag.js.
export const Answer = message("hello_js.answer", 1, { number: "integer", heard_ns: "bigint" });
