// What the graphics card runs. Lamps and colours are those of lift3d's off-screen viewer.

const LIGHT = `
const vec3 KEY = normalize(vec3(-0.55, 0.75, 0.70));
const vec3 FILL = normalize(vec3(0.85, 0.15, 0.55));
const vec3 RIM = normalize(vec3(0.45, 0.55, -0.80));
float lamp(vec3 normal, vec3 towards, float wrap) {
  return max((dot(normal, towards) + wrap) / (1.0 + wrap), 0.0);
}
vec3 display(vec3 linear) {
  vec3 over = max(linear - 0.7, 0.0);
  vec3 soft = min(linear, 0.7) + 0.3 * (1.0 - exp(-over / 0.3));
  return mix(12.92 * soft, 1.055 * pow(max(soft, 0.0031308), vec3(1.0 / 2.4)) - 0.055,
    step(0.0031308, soft));
}
vec3 lit(vec3 color, vec3 normal, vec3 place, float above) {
  vec3 eye = normalize(-place);
  vec3 light = mix(vec3(0.10, 0.093, 0.088), vec3(0.22, 0.235, 0.26), above);
  light += vec3(1.0, 0.95, 0.88) * lamp(normal, KEY, 0.15);
  light += vec3(0.13, 0.16, 0.21) * lamp(normal, FILL, 0.40);
  light += vec3(0.40, 0.44, 0.50) * lamp(normal, RIM, 0.0);
  float glint = 0.035 * pow(clamp(dot(normal, normalize(eye + KEY)), 0.0, 1.0), 24.0);
  float turned = pow(1.0 - clamp(dot(normal, eye), 0.0, 1.0), 4.0);
  return display(color * light + glint + vec3(0.13, 0.15, 0.19) * above * turned);
}`;

const SKIN = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in uvec4 joints;
layout(location = 3) in vec4 weights;
layout(location = 4) in vec4 color;
uniform highp sampler2D bones;
uniform highp sampler2D targets;
uniform int row, correctives, vertices;
uniform bool skinned;
uniform float shares[16];
uniform mat4 view, projection;
uniform vec3 dye;
out vec3 worldPlace, worldNormal, place, shade;
mat4x3 bone(uint joint) {
  int at = 3 * int(joint);
  return transpose(mat3x4(texelFetch(bones, ivec2(at, row), 0),
    texelFetch(bones, ivec2(at + 1, row), 0), texelFetch(bones, ivec2(at + 2, row), 0)));
}
void main() {
  vec3 rest = position;
  for (int k = 0; k < correctives; k++) {
    int at = k * vertices + gl_VertexID;
    rest += shares[k] * texelFetch(targets, ivec2(at & 2047, at >> 11), 0).xyz;
  }
  worldPlace = rest;
  worldNormal = normal;
  if (skinned) {
    mat4x3 move = weights.x * bone(joints.x) + weights.y * bone(joints.y)
      + weights.z * bone(joints.z) + weights.w * bone(joints.w);
    worldPlace = move * vec4(rest, 1.0);
    worldNormal = mat3(move) * normal;
  }
  place = (view * vec4(worldPlace, 1.0)).xyz;
  // People but the first get clothes of another colour; warm colours are taken for skin.
  float cold = clamp(0.45 + 3.0 * (color.b - color.r), 0.04, 0.9);
  float bright = (color.r + color.g + color.b) / max(dye.r + dye.g + dye.b, 1e-3);
  shade = dye.r < 0.0 ? color.rgb : min(mix(color.rgb, dye * bright, cold), 1.0);
  gl_Position = projection * vec4(place, 1.0);
}`;

// A unit sphere cut at its equator: its halves go to the two ends of a limb.
const LIMB = `#version 300 es
layout(location = 0) in vec4 corner;
layout(location = 5) in vec3 start;
layout(location = 6) in vec3 end;
layout(location = 7) in vec4 look;
uniform mat4 view, projection;
uniform float wider;
out vec3 worldPlace, worldNormal, place, shade;
void main() {
  vec3 along = end - start;
  vec3 z = length(along) > 1e-6 ? normalize(along) : vec3(0.0, 1.0, 0.0);
  vec3 x = normalize(abs(z.y) < 0.9 ? cross(vec3(0.0, 1.0, 0.0), z) : cross(vec3(1.0, 0.0, 0.0), z));
  worldNormal = mat3(x, cross(z, x), z) * corner.xyz;
  worldPlace = mix(start, end, corner.w) + worldNormal * (look.w + wider);
  place = (view * vec4(worldPlace, 1.0)).xyz;
  shade = look.rgb;
  gl_Position = projection * vec4(place, 1.0);
}`;

const SOLID = `#version 300 es
precision highp float;
in vec3 worldPlace, worldNormal, place, shade;
uniform mat4 view;
out vec4 seen;
${LIGHT}
void main() {
  vec3 up = normalize(worldNormal);
  seen = vec4(lit(shade, normalize(mat3(view) * up), place, 0.5 + 0.5 * up.y), 1.0);
}`;

// Seen from above: how dark a surface at this height makes the floor, close to it and further off.
const DARKNESS = `#version 300 es
precision highp float;
in vec3 worldPlace, worldNormal, place, shade;
out vec4 seen;
void main() {
  float height = max(worldPlace.y, 0.0);
  seen = vec4(exp(-height / 0.05), 0.62 * exp(-height / 0.9), 0.0, 1.0);
}`;

const WHOLE = `#version 300 es
out vec2 at;
void main() {
  at = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);
}`;

const BLUR = `#version 300 es
precision highp float;
in vec2 at;
uniform sampler2D picture;
uniform vec2 along;  // a step of one texel
uniform vec2 weights[17];  // for the near and the far shadow, from the middle outwards
out vec4 seen;
void main() {
  vec2 sum = weights[0] * texture(picture, at).rg;
  for (int k = 1; k <= 16; k++) {
    vec2 off = along * float(k);
    sum += weights[k] * (texture(picture, at + off).rg + texture(picture, at - off).rg);
  }
  seen = vec4(sum, 0.0, 1.0);
}`;

const FLOOR_PLACE = `#version 300 es
uniform mat4 view, projection;
uniform vec3 middle;
uniform float reach;
out vec3 place;
void main() {
  vec2 side = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1)) * 2.0 - 1.0;
  place = vec3(middle.x + side.x * reach, 0.0, middle.z + side.y * reach);
  gl_Position = projection * view * vec4(place, 1.0);
}`;

const FLOOR = `#version 300 es
precision highp float;
in vec3 place;
uniform vec3 middle, eye, pale, line;
uniform float reach, ink;
uniform vec4 region;  // left, top, width, depth of what throws shadows
uniform sampler2D shadow;
out vec4 seen;
float lines(vec2 at) {
  vec2 cell = at / 0.5, width = fwidth(cell);
  vec2 off = abs(cell - round(cell)) / max(width, 1e-6);
  vec2 fade = clamp(1.0 / max(width, 1e-6) / 6.0, 0.0, 1.0);
  vec2 drawn = clamp(1.15 - off, 0.0, 1.0) * fade;
  return max(drawn.x, drawn.y);
}
void main() {
  float pool = smoothstep(0.0, 1.0, 1.0 - distance(place.xz, middle.xz) / reach);
  float below = eye.y > 0.0 ? 1.0 : 0.25;
  vec2 dark = texture(shadow, (place.xz - region.xy) / region.zw).rg;
  float shade = (1.0 - (1.0 - dark.r) * (1.0 - dark.g)) * ink * smoothstep(0.0, 0.33, pool);
  float grid = 0.55 * lines(place.xz);
  vec3 color = mix(pale, line, grid) * (1.0 - shade);
  float cover = pool * max(0.75, grid);
  float alpha = below * (1.0 - (1.0 - cover) * (1.0 - shade));
  // Where the pool of light has faded, the shadow is black.
  seen = vec4(color * cover * below, alpha);
}`;

// The lower triangle of Cholesky's factor takes the unit sphere to the ellipsoid.
const ELLIPSOID = `#version 300 es
layout(location = 0) in vec4 corner;
layout(location = 5) in vec3 centre;
layout(location = 6) in vec3 first;   // L00 L10 L20
layout(location = 7) in vec4 look;
layout(location = 8) in vec3 second;  // L11 L21 L22
uniform mat4 view, projection;
uniform float size;
out vec3 worldNormal, place, shade;
out float rounded;
void main() {
  mat3 factor = mat3(first, vec3(0.0, second.xy), vec3(0.0, 0.0, second.z)) * size;
  worldNormal = normalize(transpose(inverse(factor)) * corner.xyz);
  place = (view * vec4(centre + factor * corner.xyz, 1.0)).xyz;
  shade = look.rgb;
  rounded = look.w;
  gl_Position = projection * vec4(place, 1.0);
}`;

const GLASS = `#version 300 es
precision highp float;
in vec3 worldNormal, place, shade;
in float rounded;  // 1: denser at its edge, 0: flat
uniform mat4 view;
uniform float opacity;
out vec4 seen;
void main() {
  vec3 normal = normalize(mat3(view) * worldNormal);
  float turned = 1.0 - abs(dot(normal, normalize(place)));
  float alpha = opacity * mix(1.0, 0.7 + 1.3 * turned * turned, rounded);
  seen = vec4(pow(shade, vec3(1.0 / 2.2)) * alpha, alpha);
}`;
