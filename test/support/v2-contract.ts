import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect } from "vitest";
import { parse } from "yaml";

/** A response in the contract: without a body, or with a schema for it. */
interface ContractAnswer {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface ContractDocument {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses?: Readonly<Record<string, ContractAnswer>> }>>>
  >;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, ContractAnswer>>;
  };
}

const text = readFileSync(new URL("../v2/contract.openapi.yaml", import.meta.url), "utf8");

/** The contract of /v2 as its owners wrote it, with which the API is compared. */
// It has the shape of the OpenAPI specification. The parts that are used here are declared above.
export const contract = parse(text) as ContractDocument;

const ajv = new Ajv2020({ allErrors: true, strict: false });
formats.default(ajv);
ajv.addSchema({ ...contract, $id: "contract" });

const compiled = new Map<object, ValidateFunction>();
const problem = compile(contract.components.responses["Problem"]?.content?.["application/problem+json"]?.schema);

interface Answered {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Fails the running test if a response of /v2 is not in the contract of that operation. */
export function expectToKeepV2Contract(answered: Answered): void {
  const { method, status, headers, body } = answered;
  const said = `${method} ${answered.path} answered ${status} ${JSON.stringify(body)?.slice(0, 500)}`;
  const path = answered.path.split("?")[0] ?? "";
  const operation = operationOf(method, path);
  const type = headers.get("content-type") ?? "";

  if (method === "HEAD") return expect(body, said).toBe("");
  // The client has the body already.
  if (status === 304) return expect(body, said).toBe("");
  if (method === "OPTIONS" && status === 204) return expect(body, said).toBe("");
  if (method === "GET" && path === "/v2/openapi.json") return expect(status, said).toBe(200);
  const documented = operation?.[String(status)];
  if (documented === undefined) {
    expect(status, `${said}, which the contract does not have`).toBeGreaterThanOrEqual(400);
    expect(type, said).toBe("application/problem+json");
    expectValid(problem, body, said);
    return expect(body, said).toMatchObject({ status });
  }
  if (documented.content === undefined) return expect(body, said).toBe("");
  expect(type, said).toMatch(/^application\/json(;|$)/);
  expectValid(compile(documented.content["application/json"]?.schema), body, said);
}

function operationOf(method: string, path: string): Readonly<Record<string, ContractAnswer>> | undefined {
  const plain = path.replace(/\/$/, "");
  const templates = Object.entries(contract.paths).map(([template, item]) => ({
    item,
    shape: new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, "[^/]+")}$`),
  }));
  return templates.find(({ shape }) => shape.test(plain))?.item[method.toLowerCase()]?.responses;
}

function compile(schema: object | undefined): ValidateFunction {
  if (schema === undefined) throw new Error("The contract has no schema there");
  const known = compiled.get(schema);
  if (known) return known;
  // References in the schema are relative to the whole document.
  const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"contract#/')) as object);
  compiled.set(schema, validate);
  return validate;
}

function expectValid(validate: ValidateFunction, body: unknown, said: string): void {
  expect(validate(body) ? [] : validate.errors, said).toEqual([]);
}
