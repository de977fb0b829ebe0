// The load that clients of Node make in the benches: NAME URL CALLS IN_FLIGHT. JSON both ways; prints
// CPU microseconds per request, after as many requests to warm up.
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [name, target, callsText, inFlightText] = process.argv.slice(2);
const calls = Number(callsText), inFlight = Number(inFlightText);
const require = createRequire(process.env.NEAP_BENCH_NPM + "/");
const load = (module) => import(pathToFileURL(require.resolve(module)));
const record = () => ({ active: true, amount: 12.5, email: "ren@example.com", id: 7519, name: "Lin Ren" });
const headers = {
  "content-type": "application/json", accept: "application/json",
  "x-api-key": "00000000-0000-4000-8000-000000000000",
};
const agent = new http.Agent({ keepAlive: true, maxSockets: inFlight });

const clients = {
  async undici() {
    const { Pool } = await load("undici");
    const { origin, pathname } = new URL(target);
    const pool = new Pool(origin, { connections: inFlight });
    return async () => {
      const res = await pool.request({ path: pathname, method: "POST", headers, body: JSON.stringify(record()) });
      return res.body.json();
    };
  },
  async axios() {
    const axios = require("axios");
    const client = axios.create({ httpAgent: agent, proxy: false, headers, timeout: 60000 });
    return async () => (await client.post(target, record())).data;
  },
  async got() {
    const { got } = await load("got");
    const client = got.extend({ agent: { http: agent }, headers, retry: { limit: 0 }, timeout: { request: 60000 } });
    return () => client.post(target, { json: record() }).json();
  },
};

async function run(call) {
  let left = calls;
  async function worker() {
    while (left-- > 0) {
      const answer = await call();
      if (answer.id !== 7519) throw new Error("unexpected answer");
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker));
}

const call = await clients[name]();
await run(call);
const before = process.cpuUsage();
await run(call);
const used = process.cpuUsage(before);
console.log(((used.user + used.system) / calls).toFixed(2));
process.exit(0);
