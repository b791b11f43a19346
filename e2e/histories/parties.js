// Who takes part in a history: people, their connections, what is asked of the endpoints, and the load that they make together.

import { PERSON } from "../harness/world.js";
import { Connections } from "./connections.js";
import { Endpoints } from "./endpoints.js";
import { History } from "./history.js";
import { Load } from "./load.js";

// Longer than a start takes, so that whoever was cut off is in time to repeat (grant.js counts on it); the limits are those of one machine
// that does it all.
export const SETTINGS = `[lifetimes]
lost_response = "60s"
access_token = "1h"

[limits]
sign_ins_per_account_and_network = 100000
sign_ins_per_account = 100000
sign_ins_per_network = 100000
pending_per_network = 1000

`;

export const PEOPLE = Array.from({ length: 4 }, (_, index) => ({ ...PERSON, subject: `person-${index + 1}`, username: `person${index + 1}` }));

// `command` runs the command line of an operator; null where none is there.
export function gather(world, command = world.command) {
  const history = new History();
  const connections = new Connections(world.issuer, world.nodes.map(({ port }) => port));
  const endpoints = new Endpoints(history, connections, world.secret);
  const parties = { history, connections, endpoints };
  return { ...parties, load: new Load(parties, PEOPLE, command) };
}
