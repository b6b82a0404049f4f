// A certified OAuth2 server of other people's making: node oauth2_server.mjs FOLDER ID SECRET SECONDS, prints its address.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [folder, id, secret, seconds] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const client = { client_id: id, client_secret: secret, grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
  const provider = new Provider(address, {
    clients: [client],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false }, introspection: { enabled: true } },
    scopes: ["bao-cao"],
    ttl: { ClientCredentials: Number(seconds) },
  });
  server.on("request", provider.callback());
  console.log(address);
});
