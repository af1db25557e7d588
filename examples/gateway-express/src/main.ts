/** Starts the gateway, and ends it at SIGTERM or SIGINT when the requests under way are answered. */
import { once } from "node:events";

import { ProfileClient, TokenVerifier } from "profile-contracts";

import { createApp } from "./app.js";
import { settingsFromEnvironment } from "./settings.js";

const GRACE_MS = 5_000;

const settings = settingsFromEnvironment();
const service = new ProfileClient(settings.brokerUrls, { name: "gateway-express" });
const verifier = await TokenVerifier.start(service);
const server = createApp(service, verifier, settings).listen(settings.port, "127.0.0.1", (error) => {
  if (error) throw error; // the port is taken, or may not be had
  console.log(`The gateway is at http://127.0.0.1:${settings.port}`);
});

await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
server.close();
server.closeIdleConnections();
// A browser may keep a line open over which nothing ever came: that is not idle, as Node has it.
const limit = setTimeout(() => server.closeAllConnections(), GRACE_MS);
await once(server, "close");
clearTimeout(limit);
await service.close();
