// SPDX-License-Identifier: MIT
// gateways.mjs SIDE CLIENTS: that many SDK clients at one side, {"command": [WORD…]} or {"sse"|"http": URL}. They connect
// and make one call each, then do what a line on stdin says: {"tool", "arguments", "calls", "warm"}, calls for all of them
// together, each one call at a time; a call's text must come back, or as many bytes as were asked for. A line for each:
// {"ms": [of each call], "seconds", "wrong", "failed", "pid"}.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import readline from 'node:readline';

const side = JSON.parse(process.argv[2]), count = Number(process.argv[3]);

function transport() {
	if (side.command)
		return new StdioClientTransport({ command: side.command[0], args: side.command.slice(1), stderr: 'ignore' });
	const Transport = side.sse ? SSEClientTransport : StreamableHTTPClientTransport;
	return new Transport(new URL(side.sse ?? side.http));
}

const clients = [];
for (let i = 0; i < count; i++) {
	const client = new Client({ name: 'bench', version: '1' });
	client.onerror = () => {}; // another's answer: counted where it is taken for ours
	await client.connect(transport());
	clients.push(client);
}

async function one(client, { tool, arguments: args }, name, seen) {
	const start = performance.now();
	try {
		const sent = { ...args, ...(args.message === undefined ? {} : { message: `${args.message} ${name}` }) };
		const answer = await client.callTool({ name: tool, arguments: sent }, undefined, { timeout: 5000 });
		const text = answer.content[0].text;
		if (args.bytes ? text.length < args.bytes : !text.endsWith(name))
			seen.wrong++;
	} catch {
		seen.failed++;
	}
	return performance.now() - start;
}

async function run(order) {
	const seen = { ms: [], wrong: 0, failed: 0, pid: process.pid };
	await Promise.all(clients.map((client, c) => one(client, order, `warm ${c}`, { wrong: 0, failed: 0 })));
	const start = performance.now();
	await Promise.all(clients.map(async (client, c) => {
		// Where answers do not come at all, a few are enough to know.
		for (let i = 0; i < order.calls / count && seen.failed < 20; i++)
			seen.ms.push(await one(client, order, `client ${c} call ${i}`, seen));
	}));
	return { ...seen, seconds: (performance.now() - start) / 1e3 };
}

const say = (what) => console.log(JSON.stringify(what));
say({ pid: process.pid });
for await (const line of readline.createInterface({ input: process.stdin }))
	say(await run(JSON.parse(line)));
process.exit(0);
