// OpenID providers of the npm package `oidc-provider` on loopback ports: real ones, with their own
// login and consent pages. Reads one JSON command a line and answers one JSON line each:
//   {"start": {"clients": [...], "accounts": {"ada": {...}}}}  -> {"issuer": "http://127.0.0.1:..."}
//   {"rotate": issuer}                                         -> {}  new keys, the old ones gone
//   {"account": issuer, "login": "ada", "claims": {...}}       -> {}
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const providers = new Map();

function newKeys() {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return {
    keys: [
      { ...rsa.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' },
      { ...ec.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' },
    ],
  };
}

function newProvider(issuer, { clients, accounts }) {
  return new Provider(issuer, {
    clients,
    jwks: newKeys(),
    cookies: { keys: ['only for tests'] },
    pkce: { required: () => true },
    claims: {
      openid: ['sub'],
      profile: ['name'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    scopes: ['openid', 'profile', 'email', 'groups'],
    features: {
      // Programs get tokens of their own: signed ones, for whatever resource they name.
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: {
      Session: 600,
      Grant: 600,
      Interaction: 600,
      IdToken: 600,
      AccessToken: 600,
      ClientCredentials: 600,
    },
    findAccount: (_ctx, login) => {
      const claims = accounts[login];
      return claims && { accountId: login, claims: () => ({ sub: login, ...claims }) };
    },
  });
}

async function start(settings) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const entry = { settings, handle: newProvider(issuer, settings).callback() };
  server.on('request', (request, response) => entry.handle(request, response));
  providers.set(issuer, entry);
  return { issuer };
}

async function run(command) {
  if (command.start) return start(command.start);
  const entry = providers.get(command.rotate ?? command.account);
  if (command.rotate) entry.handle = newProvider(command.rotate, entry.settings).callback();
  else entry.settings.accounts[command.login] = command.claims;
  return {};
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}
process.exit();
