// What TensorFlow.js says with the packages' own weights; see face_models_golden.py.
//   node face_models_golden.js PACKAGES PICTURES     with @tensorflow/tfjs installed beside PACKAGES
const fs = require("fs");
const path = require("path");
const [packages, pictures] = process.argv.slice(2);
const tf = require(path.resolve(packages, "../node_modules/@tensorflow/tfjs"));
const api = path.join(packages, "face-api/package");
const human = path.join(packages, "human-models/package/models");
// face-api for Node.js asks for a WebAssembly backend, which the plain one in JavaScript stands in for
const source = fs.readFileSync(path.join(api, "dist/face-api.node-wasm.js"), "utf8");
const module_ = { exports: {} };
new Function("require", "module", "exports", source)(
  (name) => (name.includes("wasm") ? {} : name.includes("tfjs") ? tf : require(name)), module_, module_.exports);
const faceapi = module_.exports;

const buffer = (file) => { const b = fs.readFileSync(file); return b.buffer.slice(b.byteOffset, b.byteOffset + b.length); };
const picture = (size) => tf.tensor(new Uint8Array(buffer(`${pictures}/${size}.raw`)), [1, size, size, 3], "float32");
const write = (name, tensor) => fs.writeFileSync(`${pictures}/${name}.out`, Buffer.from(tensor.dataSync().buffer));

async function graph(name) {
  const file = JSON.parse(fs.readFileSync(path.join(human, `${name}.json`)));
  return tf.loadGraphModel(tf.io.fromMemory({
    modelTopology: file.modelTopology, signature: file.signature,
    weightSpecs: file.weightsManifest.flatMap((group) => group.weights), weightData: buffer(path.join(human, `${name}.bin`)),
  }));
}

async function net(kind, name) {
  const manifest = JSON.parse(fs.readFileSync(path.join(api, `model/${name}-weights_manifest.json`)));
  kind.loadFromWeightMap(tf.io.decodeWeights(buffer(path.join(api, `model/${name}.bin`)), manifest.flatMap((g) => g.weights)));
  return kind;
}

(async () => {
  await tf.setBackend("cpu");
  const mesh = await graph("facemesh-attention-pinto");
  const parts = ["output_mesh_identity", "conv_faceflag", "output_lips", "output_left_eye", "output_right_eye"];
  mesh.execute(picture(192).div(255), parts).forEach((tensor, number) => write(`mesh${number}`, tensor));
  const mean = tf.tensor([103.939, 116.779, 123.68]);
  const faceres = await graph("faceres");
  write("mobilenet1024", faceres.execute(picture(224).reverse(3).sub(mean), "global_pooling/Mean"));
  write("dense68", await (await net(new faceapi.FaceLandmark68Net(), "face_landmark_68_model")).forward(picture(112)));
  write("resnet128", await (await net(new faceapi.FaceRecognitionNet(), "face_recognition_model")).forward(picture(150)));
})();
