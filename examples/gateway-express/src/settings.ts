/** How the gateway is set up: by variables of its environment. */
export interface Settings {
  /** The broker, or several nodes of it. */
  readonly brokerUrls: readonly string[];
  readonly port: number;
  /** How many proxies of ours stand before the gateway and write `X-Forwarded-For`. */
  readonly trustedHops: number;
  /** Whether cookies go over HTTPS only. Turn that off on your own machine alone. */
  readonly secureCookies: boolean;
}

/**
 * Returns what `BROKER_URLS`, `PORT`, `TRUSTED_HOPS` and `SECURE_COOKIES` say. Throws a RangeError, if they say
 * something else than they may: nobody should find that out from cookies.
 */
export function settingsFromEnvironment(): Settings {
  const { BROKER_URLS = "", PORT = "8080", TRUSTED_HOPS = "0", SECURE_COOKIES = "yes" } = process.env;
  if (!/^[0-9]+$/.test(TRUSTED_HOPS)) throw new RangeError("TRUSTED_HOPS is a whole number, 0 or more.");
  if (!["yes", "no"].includes(SECURE_COOKIES)) throw new RangeError("SECURE_COOKIES is yes or no.");
  return {
    brokerUrls: BROKER_URLS.split(" ").filter(Boolean),
    port: Number(PORT),
    trustedHops: Number(TRUSTED_HOPS),
    secureCookies: SECURE_COOKIES === "yes",
  };
}
