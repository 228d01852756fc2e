// A station in California: answers every greeting, after a moment of thought.

import { seconds, start } from "./lightlag.js";
import { Answer, Greeting } from "./messages.js";

start([Greeting, Answer], (node) => {
  node.on("xband", async (reception) => {
    const { text, number } = reception.message;
    node.log(`${text} ${number}`, { light_time_s: seconds(reception.receivedNs - reception.sentNs) });
    await node.sleep(1 + node.random());
    node.send("xband", Answer, { number, heard_ns: reception.receivedNs });
  });
});
