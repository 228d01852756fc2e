// A beacon in Jezero crater: greets the Earth once a minute, and notes how long word and answer were on their way.

import { seconds, start } from "./lightlag.js";
import { Answer, Greeting } from "./messages.js";

start([Greeting, Answer], async (node) => {
  const sentNs = {};

  node.on("radio", (reception) => {
    const { number, heard_ns } = reception.message;
    node.log(`answer to ${number}`, {
      there_s: seconds(heard_ns - sentNs[number]),
      back_s: seconds(reception.receivedNs - reception.sentNs),
    });
  });

  for (let number = 1; ; number++) {
    sentNs[number] = node.nowNs;
    node.send("radio", Greeting, { text: node.params.text, number });
    await node.sleep(60);
  }
});
