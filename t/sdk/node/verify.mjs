// Verifies webhook messages with the package standardwebhooks: reads {"secret", "messages": [{"headers", "body"}]}, and writes
// for each message what it says, or null.

import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, messages } = JSON.parse(readFileSync(0, "utf8"));
const webhook = new Webhook(secret);

function verified({ headers, body }) {
  try {
    return webhook.verify(body, headers);
  } catch {
    return null;
  }
}

console.log(JSON.stringify(messages.map(verified)));
