// What Node makes of the pages of large answers: URL PAGES SIZE OUT, one key renamed, NDJSON. The fastest of six ways:
// fetch takes a third longer than http.get, { email, ...rest } a quarter longer than a literal, delete two thirds.
import fs from "node:fs";
import http from "node:http";

const [url, pages, size, out] = process.argv.slice(2);

function get(target) {
  return new Promise((resolve, reject) => {
    http.get(target, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    }).on("error", reject);
  });
}

const file = fs.openSync(out, "w");
for (let page = 0; page < Number(pages); page++) {
  let lines = "";
  for (const r of await get(`${url}/records?top=${size}&skip=${page * Number(size)}`)) {
    lines += JSON.stringify({ id: r.id, mail: r.email, city: r.city, score: r.score, paid: r.paid }) + "\n";
    if (lines.length < 65536) continue;
    fs.writeSync(file, lines);
    lines = "";
  }
  fs.writeSync(file, lines);
}
fs.closeSync(file);
