// A provider of OpenID Connect, certified by its authors, with one client and the accounts that a test knows.
// Standard input: { port, jwks, redirectUri, accounts }; standard output: a line when it serves.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const given = JSON.parse(readFileSync(0, "utf8"));
const issuer = `http://127.0.0.1:${given.port}`;
const provider = new Provider(issuer, {
  jwks: given.jwks,
  clients: [
    {
      client_id: "registry",
      client_secret: "a secret of forty characters, or so it seems",
      redirect_uris: [given.redirectUri],
      grant_types: ["authorization_code", "client_credentials"],
      scope: "openid profile email",
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "roles", "agencies", "groups"], email: ["email"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["a key for cookies"] },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...given.accounts[id] }) }),
  extraTokenClaims: () => ({ roles: ["coordinator"], agencies: ["agency:clinic"] }),
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => false,
      getResourceServerInfo: (_ctx, resource) => ({ scope: "", audience: resource, accessTokenFormat: "jwt" }),
    },
  },
});
createServer(provider.callback()).listen(given.port, "127.0.0.1", () => console.log("serving"));
