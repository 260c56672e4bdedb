// Holds custom resources against the schemas of those who define them: Gateway API, Envoy Gateway, Istio, the
// Prometheus operator. Run where these are installed. In: a JSON list of resources; out: a JSON list of what is wrong
// with them.
import { readFileSync } from "node:fs";

const PACKAGES = {
  "gateway.networking.k8s.io": "gateway-api",
  "gateway.envoyproxy.io": "envoy-gateway",
  "networking.istio.io": "istio",
  "monitoring.coreos.com": "prometheus-operator",
};

// A validator reads each field that its schema knows. What of an object is never read is unknown to it, unless nothing
// of it is: then its content is free, as that of a label or a patch.
function watched(value, path, objects) {
  if (value === null || typeof value !== "object") return value;
  const read = new Set();
  objects.push({ path, read, keys: Array.isArray(value) ? [] : Object.keys(value) });
  const copy = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) copy[key] = watched(inner, `${path}/${key}`, objects);
  return new Proxy(copy, {
    get(target, key) {
      read.add(key);
      return target[key];
    },
  });
}

async function problemsOf(resource) {
  const [group, version] = resource.apiVersion.split("/");
  const models = await import(`@kubernetes-models/${PACKAGES[group]}/${group}/${version}`);
  const Model = models[resource.kind];
  if (!Model) return ["no such kind"];
  const objects = [];
  const model = new Model();
  Object.assign(model, watched(resource, "", objects));
  const problems = [];
  try {
    model.validate();
  } catch (error) {
    problems.push(error.message);
  }
  // A copy reads everything once; what a validator has read, it has read again.
  for (const { path, read, keys } of objects) {
    const unknown = keys.filter((key) => !read.has(key));
    if (path && read.size && unknown.length) problems.push(`${path}: unknown: ${unknown}`);
  }
  return problems;
}

const resources = JSON.parse(readFileSync(0, "utf8"));
const all = [];
for (const resource of resources) {
  for (const problem of await problemsOf(resource)) {
    all.push(`${resource.kind} ${resource.metadata.name}: ${problem}`);
  }
}
process.stdout.write(JSON.stringify(all));
