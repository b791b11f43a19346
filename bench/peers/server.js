// node-oidc-provider with a configuration that answers the benchmark's requests as grantd does, as far as it can.
//
// Unequal, and said in the report: everything is kept in a map in memory, nothing is durable; signing in asks for no password;
// there are no limits on requests, no events, no log.

import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';

// Its notices would stand where the address is expected.
console.info = console.warn = () => {};
const { Provider } = await import('oidc-provider');

const API = 'https://api.bench.example/';
const SEALED = 'https://sealed.bench.example/';
const { clients, issuer, callback } = JSON.parse(process.env.BENCH_WORLD);
const [web, robot, sealedApi] = clients;

/** As the adapter that the library brings, without its bound of a thousand records. */
class Memory {
  static records = new Map();

  constructor(model) {
    this.model = model;
  }

  async find(id) {
    return Memory.records.get(`${this.model}:${id}`);
  }

  async findByUid(uid) {
    return Memory.records.get(`uid:${uid}`);
  }

  async upsert(id, record) {
    Memory.records.set(`${this.model}:${id}`, record);
    if (this.model === 'Session') Memory.records.set(`uid:${record.uid}`, record);
  }

  async consume(id) {
    const record = await this.find(id);
    if (record) record.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    Memory.records.delete(`${this.model}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [key, record] of Memory.records) if (record.grantId === grantId) Memory.records.delete(key);
  }
}

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const confidential = { token_endpoint_auth_method: 'client_secret_basic', redirect_uris: [], response_types: [] };

const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig', kid: 'bench' }] },
  clients: [
    {
      ...confidential,
      ...named(web),
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: [callback],
    },
    { ...confidential, ...named(robot), grant_types: ['client_credentials'] },
    { ...confidential, ...named(sealedApi), grant_types: [] },
  ],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  cookies: { keys: ['a key of this benchmark'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) =>
        resource === SEALED
          ? { scope: 'look', audience: SEALED, accessTokenFormat: 'opaque', accessTokenTTL: 3600 }
          : { scope: 'read', audience: API, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } } },
    },
  },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  rotateRefreshToken: true,
  routes: { authorization: '/authorize', introspection: '/introspect', jwks: '/jwks', token: '/token' },
  ttl: { AuthorizationCode: 60, RefreshToken: 14 * 86_400, Grant: 90 * 86_400, Session: 12 * 3600, Interaction: 600 },
});

const answer = provider.callback();
const server = createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  try {
    await interact(request, response);
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

/** Signs in whoever comes and agrees to everything: what is measured comes after that. */
async function interact(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const login = { accountId: 'person-0' };
    return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addResourceScope(API, 'read');
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

function named({ id, secret }) {
  return { client_id: id, client_secret: secret };
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(JSON.stringify({ address: `${address}:${port}` }));
});

// Whoever started this keeps our stdin open for as long as they live.
process.stdin.on('end', () => process.exit(0)).resume();
