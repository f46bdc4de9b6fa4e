// An OpenID provider: node openid.mjs <oidc-provider> <port> <people.json> <client secret> <redirect URI> …
//
// It is oidc-provider with its own pages to log in, which take any password; who there is, and in which groups, is read
// from the file at each login.  So a test changes it while it runs.
import { readFileSync } from 'node:fs';

const [program, port, people, secret, ...redirects] = process.argv.slice(2);
const { default: Provider } = await import(program);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: 'objreg', client_secret: secret, redirect_uris: redirects }],
  claims: {
    openid: ['sub'], profile: ['preferred_username', 'name'], email: ['email', 'email_verified'], groups: ['groups'],
  },
  pkce: { required: () => true },
  cookies: { keys: ['of a test'] },
  findAccount(ctx, id) {
    const found = JSON.parse(readFileSync(people))[id];
    return found && { accountId: id, claims: () => ({ sub: id, ...found }) };
  },
});
provider.listen(Number(port), '127.0.0.1');
